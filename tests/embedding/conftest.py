"""Gives the engine's tests their reference and their builders as fixtures."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tensorflow as tf


def load(name: str) -> ModuleType:
    """Loads a module that lies beside this file."""
    qualified = f"shardline_embedding_tests_{name}"
    if qualified not in sys.modules:
        path = Path(__file__).with_name(f"{name}.py")
        spec = importlib.util.spec_from_file_location(qualified, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[qualified] = module
        spec.loader.exec_module(module)
    return sys.modules[qualified]


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The numpy reference."""
    return load("oracle")


@pytest.fixture(scope="session")
def cases() -> ModuleType:
    """Builders of batches, tensors and tables."""
    return load("cases")


@pytest.fixture(params=load("cases").CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Any:
    """Every kind of input with every way to combine it."""
    return request.param


@pytest.fixture(params=[False, True], ids=["eager", "compiled"])
def compiled(request: pytest.FixtureRequest) -> bool:
    """Whether the test calls the engine eagerly or in a `tf.function`."""
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
