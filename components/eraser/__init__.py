"""Takes ids out of everything that a run folder holds."""
