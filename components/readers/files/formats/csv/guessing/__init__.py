"""The dialect of CSV, guessed from the start of a file."""
