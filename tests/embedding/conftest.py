"""Gives the engine's tests their reference and their builders as fixtures."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.native.build import compiler
from shardline.embedding.native.library import CHOICE, missing_reason

HERE = Path(__file__).parent
CASES = load(HERE / "cases.py").CASES


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The numpy reference."""
    return load(HERE / "oracle.py")


@pytest.fixture(scope="session")
def cases() -> ModuleType:
    """Builders of batches, tensors and tables."""
    return load(HERE / "cases.py")


@pytest.fixture(scope="session")
def checkpoints() -> ModuleType:
    """Writing and reading checkpoints, and variables to put into them."""
    return load(HERE / "checkpoints.py")


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Any:
    """Every kind of input with every way to combine it."""
    return request.param


@pytest.fixture(params=[False, True], ids=["eager", "compiled"])
def compiled(request: pytest.FixtureRequest) -> bool:
    """Whether the test calls the engine eagerly or in a `tf.function`."""
    return request.param


@pytest.fixture(params=["native", "stock"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who does the hot steps of the engines that are built after this."""
    if request.param == "native" and compiler() is None:
        pytest.skip(missing_reason())
    monkeypatch.setenv(CHOICE, request.param)
    return request.param


@pytest.fixture
def config(cases: ModuleType) -> dict[str, Any]:
    """One feature, "clicks", of the table "items"."""
    return {"clicks": cases.feature(cases.table())}


@pytest.fixture
def engine(cases: ModuleType, config: dict[str, Any]) -> Any:
    """SGD with rate 0.5 over three hosts, two examples in a batch."""
    optimizer = tf.tpu.experimental.embedding.SGD(0.5)
    return cases.start(config, optimizer)


@pytest.fixture(scope="session")
def cut_files() -> ModuleType:
    """What the files of a cut hold."""
    return load(HERE / "cut_files.py")
