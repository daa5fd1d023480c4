"""Complete workflows: provenance, report, rerun, batch, demo."""
