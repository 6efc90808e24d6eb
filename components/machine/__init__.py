"""What a machine has for a process."""
