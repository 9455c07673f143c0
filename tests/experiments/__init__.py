"""The experiments: what they count is counted right."""
