"""Held-out splits: which rows of split "train" they claim."""
