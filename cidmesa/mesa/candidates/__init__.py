"""Candidate mesa-optimizers: one hypothesis each, with all that can be said of it."""
