"""Gives the cluster's tests their processes and what they train."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from shardline_tests import load

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def scenario() -> ModuleType:
    """What is trained."""
    return load(HERE / "scenario.py")


@pytest.fixture(scope="session")
def processes() -> ModuleType:
    """How processes are started and watched."""
    return load(HERE / "processes.py")


@pytest.fixture(scope="session")
def traffic() -> ModuleType:
    """How bytes are counted."""
    return load(HERE / "traffic.py")


@pytest.fixture(scope="module")
def started(
    processes: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A chief, connected to three hosts."""
    cluster = processes.TestCluster(3, tmp_path_factory.mktemp("cluster"))
    try:
        cluster.devices = cluster.ask("connect", within_s=processes.START_WITHIN_S)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def cluster(started: Any) -> Any:
    """The same cluster, all its hosts up."""
    started.heal()
    return started
