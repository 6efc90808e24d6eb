"""Gives the cluster's tests their processes and what they train."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def load(name: str) -> ModuleType:
    """Loads a module that lies beside this file."""
    qualified = f"shardline_cluster_tests_{name}"
    if qualified not in sys.modules:
        path = Path(__file__).with_name(f"{name}.py")
        spec = importlib.util.spec_from_file_location(qualified, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[qualified] = module
        spec.loader.exec_module(module)
    return sys.modules[qualified]


@pytest.fixture(scope="session")
def scenario() -> ModuleType:
    """What is trained."""
    return load("scenario")


@pytest.fixture(scope="session")
def processes() -> ModuleType:
    """How processes are started and watched."""
    return load("processes")


@pytest.fixture(scope="session")
def traffic() -> ModuleType:
    """How bytes are counted."""
    return load("traffic")


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
