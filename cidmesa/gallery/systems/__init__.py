"""The systems of the gallery, one a file."""
