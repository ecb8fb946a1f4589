"""Samplers and the choice of the best network, compared where the truth is known: the surrogate as the oracle."""
