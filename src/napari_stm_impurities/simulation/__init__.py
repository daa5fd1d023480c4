"""Simulation: from a configuration to training windows, a data set on disk, or a whole surface."""
