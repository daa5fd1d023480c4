"""The physics: dispersions and their fit, Friedel sums, multiple scattering, artefacts of the instrument."""
