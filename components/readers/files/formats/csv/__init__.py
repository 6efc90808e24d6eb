"""CSV text: rows, quotes, cells and lists in cells."""
