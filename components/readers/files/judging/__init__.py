"""What is bad in files, and whether a reading of them may stand."""
