"""Quasiparticle interference: radial spectra, the ring of the dispersion and its fit, Fourier maps."""
