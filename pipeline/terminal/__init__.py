"""What reaches the terminal, and what is kept from it."""
