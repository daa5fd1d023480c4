"""Plots inside the widgets."""
