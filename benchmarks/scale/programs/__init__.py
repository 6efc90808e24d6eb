"""What is measured, a process each; prints one JSON object."""
