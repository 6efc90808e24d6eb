"""What is measured, each in a process of its own, and what makes it."""
