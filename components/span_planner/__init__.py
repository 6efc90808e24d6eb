"""Which spans are trained on next: a plan made of the state and of what is there."""
