"""Gives the tests of the native kernels the ops, which are built if they are not."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from shardline_tests import load

from shardline.embedding.native.build import BuildError, build, compiler
from shardline.embedding.native.library import native_ops

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def ops() -> Any:
    """The native ops of the sources as they are."""
    if compiler() is None:
        pytest.skip("there is no C++ compiler")
    try:
        build()
    except BuildError as error:
        pytest.fail(f"The kernels do not build:\n{error}")
    native_ops.cache_clear()
    return native_ops()


@pytest.fixture(scope="session")
def programs() -> ModuleType:
    """Random engines, their batches and what the ops must make of them."""
    return load(HERE / "programs.py")


@pytest.fixture(scope="session")
def shards() -> ModuleType:
    """Tables with row trackers, and what a written shard must hold."""
    return load(HERE / "shards.py")
