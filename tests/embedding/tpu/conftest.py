"""Loads the helpers that lie beside this file, and compiles the emulated TPU."""

import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def fake_tpu() -> ModuleType:
    """Strategies over TPUs that exist by name only."""
    return load(HERE / "fake_tpu.py")


@pytest.fixture(scope="session")
def graph_compare() -> ModuleType:
    """Structural equality of graphs."""
    return load(HERE / "graph_compare.py")


@pytest.fixture(scope="session")
def both_classes() -> ModuleType:
    """TensorFlow's class and ours behind one face."""
    return load(HERE / "both_classes.py")


@pytest.fixture(scope="session")
def steps() -> ModuleType:
    """Steps of training and inference to build with either class."""
    return load(HERE / "steps.py")


@pytest.fixture(scope="session")
def emulator_library() -> Any:
    """The emulated TPU engine, compiled; its kernels are there for good once loaded."""
    if shutil.which("g++") is None:
        pytest.skip("no g++ to compile the emulated TPU engine with")
    return load(HERE / "emulator_build.py").loaded()


@pytest.fixture
def emulator(emulator_library: Any) -> Any:
    """The emulated TPU engine, not configured yet."""
    emulator_library.emulator_reset()
    return emulator_library


@pytest.fixture(scope="session")
def emulated() -> ModuleType:
    """Training on the emulated TPU."""
    return load(HERE / "emulated.py")


@pytest.fixture
def ours(both_classes, steps, fake_tpu):
    """Builds an engine of ours and the graph of a step."""

    def build(step, optimizer=None):
        strategy = fake_tpu.strategy(step.hosts, 2)
        if step.spmd:
            strategy = fake_tpu.spmd_strategy(step.hosts, 4, step.spmd)
        engine = both_classes.Ours(
            strategy,
            step.feature_config(),
            optimizer or tf.tpu.experimental.embedding.Adam(lambda: 0.1),
            step.input_shapes(),
        )
        return engine, step.graph(engine, both_classes.per_replica, strategy)

    return build


@pytest.fixture
def small(ours, steps):
    """An engine of one dense feature on two hosts with two cores each."""
    return ours(steps.Step(("dense",), hosts=2))[0]
