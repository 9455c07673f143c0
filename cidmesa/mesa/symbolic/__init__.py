"""Alignment as a condition on the symbols of a model."""
