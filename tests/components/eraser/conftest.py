"""The small run of an old version, which has a checkpoint, a graph and a model."""

import tarfile
from pathlib import Path

import pytest
from shardline_tests import load

ARCHIVE = load("compatibility/conftest.py").ARCHIVE


@pytest.fixture(scope="session")
def old_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run: users 1 to 16, movies 1 to 12. Not to be changed."""
    folder = tmp_path_factory.mktemp("old") / "run"
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(folder, filter="data")
    return folder
