"""Gives the contract's tests their shop and their replicas."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tensorflow as tf


@pytest.fixture(scope="session")
def shop() -> ModuleType:
    """The module `shop.py`: tables, features, batches and steps."""
    qualified = "shardline_embedding_tests_shop"
    path = Path(__file__).with_name("shop.py")
    spec = importlib.util.spec_from_file_location(qualified, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[qualified] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def replicas() -> tf.distribute.Strategy:
    """Two replicas, on logical CPUs that are hosts too."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def sgd() -> Any:
    """What a test without an interest in optimizers trains with."""
    return tf.tpu.experimental.embedding.SGD(0.5)
