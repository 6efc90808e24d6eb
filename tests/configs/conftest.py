"""What the tests of configurations share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_job

JOB = """\
name: tiny
data:
  files: {format: csv, splits: {train: a.csv}}
  path: data
features:
  user: {table: user}
  tags: {table: tag, combiner: mean}
  hour: {table: hour, dtype: int64, ids: {range: 24}}
  pair: {table: pair, cross: [user, city], ids: {hash_buckets: 50}}
numbers:
  age: {scale: z_score}
tables:
  user: {dim: 4}
  tag: {dim: 4}
  hour: {dim: 4}
  pair: {dim: 4}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration file."""

    def write_text(text: str) -> Path:
        path = tmp_path / "run.yaml"
        path.write_text(text)
        return path

    return write_text


@pytest.fixture
def job_text() -> str:
    """A sound configuration that need not train."""
    return JOB


@pytest.fixture
def job_faults(
    write: Callable[[str], Path],
) -> Callable[[str, str], list[str]]:
    """Replaces text of a sound configuration; returns its faults from the line on."""

    def faults(old: str, new: str) -> list[str]:
        assert JOB.count(old) >= 1
        path = write(JOB.replace(old, new, 1))
        with pytest.raises(ConfigError) as raised:
            load_job(path)
        return [
            text.removeprefix(f"{path}:") for text in str(raised.value).splitlines()
        ]

    return faults
