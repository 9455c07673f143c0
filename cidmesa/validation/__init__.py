"""Prediction against evidence: what trained agents show, and what may be said about it."""
