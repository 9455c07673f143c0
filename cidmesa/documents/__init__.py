"""Documents: blocks of text, tables and figures, and the writers that set them."""
