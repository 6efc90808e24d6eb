"""Gives the tests of checkpoint sets their builder as a fixture."""

from pathlib import Path
from types import ModuleType

import pytest
from shardline_tests import load


@pytest.fixture(scope="session")
def made_sets() -> ModuleType:
    """Checkpoint sets made of numpy arrays."""
    return load(Path(__file__).with_name("made_sets.py"))
