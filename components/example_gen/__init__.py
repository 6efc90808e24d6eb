"""The component that turns raw data into examples, through a reader."""

from components.example_gen.component import ReaderExampleGen

__all__ = ["ReaderExampleGen"]
