"""What the graph alone says of a hypothesis: relevance, shifts, positions, interfaces."""
