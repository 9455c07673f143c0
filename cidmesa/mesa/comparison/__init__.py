"""Hypotheses compared: what tells them apart, what cannot, and what would cure one."""
