"""Probabilities, expected utilities and counterfactuals under a policy."""
