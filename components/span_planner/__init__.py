"""The component that says which spans a run trains on."""
