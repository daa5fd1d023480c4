"""Whole jobs: provenance, report, rerun, batch, demo."""
