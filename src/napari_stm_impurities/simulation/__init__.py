"""Simulation: training windows, data sets on disk, and complete surfaces."""
