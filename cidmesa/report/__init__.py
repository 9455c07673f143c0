"""Reports: from objects to plain data, from plain data to documents."""
