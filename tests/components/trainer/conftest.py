"""Batches to learn on, made from numbers alone, and two learners that share them.

Tracing the training step takes seconds, so learners are made once and start each test
from the checkpoint they were made with.
"""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.loop import save
from shardline.configs.schema import (
    SGD,
    Adagrad,
    Adam,
    Feature,
    FeatureSet,
    Optimizer,
    Table,
)

ROWS = {"person": 7, "movie": 11, "tag": 5}
BATCH_SIZE = 4
FEATURES = FeatureSet(
    features={
        "user": Feature(table="person"),
        "history": Feature(table="movie", max_sequence_length=2),
        "tags": Feature(table="tag", combiner="mean", weights="scores"),
    },
    tables={
        "person": Table(dim=4, optimizer=Optimizer(sgd=SGD())),
        "movie": Table(dim=4, optimizer=Optimizer(adagrad=Adagrad())),
        "tag": Table(dim=4, optimizer=Optimizer(adam=Adam())),
    },
)


def _batch(step: tf.Tensor) -> Batch:
    """Draws a batch that follows from its number."""

    def ids(salt: int, shape: list[int], rows: int) -> tf.Tensor:
        seed = tf.stack([step, tf.constant(salt, tf.int64)])
        return tf.random.stateless_uniform(shape, seed, 0, rows, tf.int64)

    lengths = ids(1, [BATCH_SIZE], 4)
    tags = tf.RaggedTensor.from_row_lengths(
        ids(2, [12], ROWS["tag"])[: tf.reduce_sum(lengths)], lengths
    )
    weights = tags.with_values(tf.cast(tags.values + 1, tf.float32))
    people = ids(3, [BATCH_SIZE], ROWS["person"])
    movies = ids(4, [BATCH_SIZE], ROWS["movie"])
    history = tf.RaggedTensor.from_row_lengths(
        movies, tf.constant([2, 0, 1, 1], tf.int64)
    )
    labels = tf.cast(people % 2, tf.float32)
    return Batch(
        {"user": people, "history": history, "tags": tags.to_sparse()},
        {"user": None, "history": None, "tags": weights.to_sparse()},
        {},
        labels,
        tf.ones_like(labels),
        tf.ones_like(labels),
    )


@pytest.fixture(scope="session")
def batches() -> tf.data.Dataset:
    """Endless batches, the same each time."""
    return tf.data.Dataset.counter().map(_batch)


@pytest.fixture(scope="session")
def learner_of(make_learner: Callable[..., Learner]) -> Callable[..., Learner]:
    """Makes a learner for the batches, of any hosts and seed."""

    def make(hosts: int = 2, seed: int = 0) -> Learner:
        return make_learner(FEATURES, ROWS, BATCH_SIZE, hosts, seed)

    return make


@pytest.fixture(scope="session")
def learners(
    learner_of: Callable[..., Learner], tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[Learner, str]]:
    """Two learners of different seeds, and the checkpoints they start from."""
    folder: Path = tmp_path_factory.mktemp("start")
    made = [(learner_of(seed=seed), str(folder / f"{seed}")) for seed in (0, 1)]
    for learner, start in made:
        save(learner, start)
    return made


@pytest.fixture
def learner(learners: list[tuple[Learner, str]]) -> Learner:
    """An untrained learner over two hosts."""
    return restarted(*learners[0])


@pytest.fixture
def other_learner(learners: list[tuple[Learner, str]]) -> Learner:
    """An untrained learner over two hosts that started otherwise."""
    return restarted(*learners[1])


@pytest.fixture
def restart(learners: list[tuple[Learner, str]]) -> Callable[[], None]:
    """Makes `learner` untrained again."""
    return lambda: restarted(*learners[0])


def restarted(learner: Learner, start: str) -> Learner:
    learner.checkpoint().read(start).assert_consumed()
    return learner


@pytest.fixture(scope="session")
def state_of() -> Callable[[Learner], dict[str, Any]]:
    """Reads everything that training changes, whole tables whatever the hosts."""

    def read(learner: Learner) -> dict[str, Any]:
        state = {"step": learner.step.numpy()}
        for i, variable in enumerate(learner.model.variables):
            state[f"model {i}"] = variable.numpy()
        for i, variable in enumerate(learner.optimizer.variables):
            state[f"optimizer {i}"] = variable.numpy()
        for table, rows in learner.engine.embedding_tables.items():
            state[table.name] = tf.concat(rows.variables, axis=0).numpy()
        for table, slots in learner.engine.slot_variables.items():
            for slot, rows in slots.items():
                state[f"{table.name} {slot}"] = tf.concat(rows.variables, 0).numpy()
        return state

    return read


@pytest.fixture
def emulated_tpu() -> Callable[..., Any]:
    """Has this process hold a TPU of so many hosts and cores, within a block."""
    if shutil.which("g++") is None:
        pytest.skip("no g++ to compile the emulated TPU engine with")
    library = load("embedding/tpu/emulator_build.py").loaded()
    return functools.partial(
        load("embedding/tpu/emulated_strategy.py").emulated, library
    )
