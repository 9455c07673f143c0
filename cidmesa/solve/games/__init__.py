"""Several agents: best responses, equilibria, strategic and extensive form."""
