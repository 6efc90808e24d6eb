"""Sets without tables, for what knows nothing of rows, and sets made of arrays."""

from pathlib import Path
from types import ModuleType

import pytest
from shardline_tests import load

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.writer import Clock, SetWriter
from shardline.embedding.native.library import missing_reason


@pytest.fixture
def folder(tmp_path):
    folder = SetFolder(tmp_path / "sets")
    folder.make()
    return folder


@pytest.fixture
def write_set(folder):
    """Writes a set of no tables, and returns it."""

    def write(step, parent=None, pinned=False):
        kind = "differential" if parent else "full"
        writer = SetWriter(folder, step, kind, parent, hosts=1)
        writer.begin(pinned=pinned)
        writer.write_index({}, [[]])
        return writer.commit({}, {}, {"step": step}, Clock())

    return write


@pytest.fixture
def native_kernels():
    """Skips where sets are written while training waits."""
    if reason := missing_reason():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def made_sets() -> ModuleType:
    """Checkpoint sets made of numpy arrays."""
    return load(Path(__file__).with_name("made_sets.py"))
