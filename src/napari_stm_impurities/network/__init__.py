"""The attention network, its input, its file and the shipped weights: what running a model needs, and no more."""
