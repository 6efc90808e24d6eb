"""Spans of files: by the names of folders and files, or by a column of times."""
