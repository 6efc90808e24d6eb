"""The component that turns raw data into examples, through a reader."""
