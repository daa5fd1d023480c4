"""Figures drawn on matplotlib axes, shared by reports and widgets."""
