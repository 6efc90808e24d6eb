"""What is measured: a process each."""
