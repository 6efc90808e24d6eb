"""The component that turns a checkpoint into a checked CPU-lookup SavedModel."""

from components.exporter.component import Exporter

__all__ = ["Exporter"]
