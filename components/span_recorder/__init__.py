"""The component that writes how far a run in spans has come."""
