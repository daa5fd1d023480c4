"""Impurities in a stack of maps at many biases: network, detection, explanation, training."""
