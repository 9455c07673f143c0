"""Deceptive alignment, myopia and response patterns, as consequences of the general theory."""
