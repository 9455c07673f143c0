"""How strong incentives are, and where a utility comes from."""
