"""Witnesses: for a yes, a model on the diagram that really has the incentive."""
