"""Which objectives training can have selected, and what they cost elsewhere."""
