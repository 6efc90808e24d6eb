"""The schema of a run: typed, frozen and validated whole before anything starts."""

from configs.load import ConfigError, load_run
from configs.schema import Run

__all__ = ["ConfigError", "Run", "load_run"]
