"""Simulated scaling studies: how far from the best their triples are, and how often their sets hold it."""
