"""Gives the contract's tests their batch and their replicas."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load


@pytest.fixture(scope="session")
def replica_batch() -> ModuleType:
    """Tables, features and one batch of two replicas, with steps that train on it."""
    return load(Path(__file__).with_name("replica_batch.py"))


@pytest.fixture(scope="session")
def replicas() -> tf.distribute.Strategy:
    """Two replicas, on logical CPUs that are hosts too."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def sgd() -> Any:
    """What a test without an interest in optimizers trains with."""
    return tf.tpu.experimental.embedding.SGD(0.5)
