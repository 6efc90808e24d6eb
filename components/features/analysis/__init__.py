"""One pass over Arrow batches that finds all that preprocessing must know."""
