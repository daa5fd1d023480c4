"""The physics: dispersions and their fit, Friedel sums, multiple scattering, what an instrument adds."""
