"""The schema of a run: typed, frozen and validated whole before anything starts."""

from shardline.configs.fault import ConfigError
from shardline.configs.load import load_job, load_run
from shardline.configs.schema import Job, Run

__all__ = ["ConfigError", "Job", "Run", "load_job", "load_run"]
