"""Optimal policies: the order of decisions, one optimum, every optimum, shared rules."""
