"""The step on a TPU: its graph as a chip gets it, and its numbers in an emulation."""

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.trainer import tpu_learner
from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.not_finite import Fault
from shardline.components.trainer.shares import Share
from shardline.components.trainer.tpu_learner import TPULearner, new_tpu_learner
from shardline.configs.schema import Feature, FeatureSet, Model, Table, Training
from shardline.embedding.tpu import graph_check

pytestmark = pytest.mark.timeout(600)

CORES = 2
ROWS = {"person": 7, "movie": 11}
BATCH = 8
FEATURES = FeatureSet(
    features={
        "user": Feature(table="person"),
        "liked": Feature(table="movie", combiner="mean", weights="scores"),
        "seen": Feature(table="movie", max_sequence_length=2),
    },
    tables={name: Table(dim=4) for name in ROWS},
    numbers={"price": {}},
)
MODEL = Model(options={"hidden_units": [6], "dropout": 0.2, "l2": 0.01})


class Batches:
    """Endless batches that follow from their number.

    Attributes:
        weight: that of example 5 of batch 2.
        user: that of example 6 of batch 1.
        features: those that it has.
    """

    def __init__(
        self,
        weight: float = 1.0,
        user: int = 3,
        features: Collection[str] = tuple(FEATURES.features),
    ):
        self.weight, self.user, self.features = weight, user, features

    def __call__(self, share: Share) -> tf.data.Dataset:
        """Returns the parts that a host reads."""
        size = BATCH // share.parts

        def part(number: tf.Tensor) -> Batch:
            step, of_step = number // share.parts, number % share.parts
            return self._part(step, of_step * size, size)

        return tf.data.Dataset.counter().map(part)

    def _part(self, step: tf.Tensor, first: tf.Tensor, size: int) -> Batch:
        at = first + tf.range(size, dtype=tf.int64)
        users = (at * 3 + step) % ROWS["person"]
        users = tf.where((step == 1) & (at == 6), tf.cast(self.user, tf.int64), users)
        movies = tf.RaggedTensor.from_row_lengths(
            tf.repeat((at + step) % ROWS["movie"], at % 3), at % 3
        )
        weights = movies.with_values(tf.cast(movies.values + 1, tf.float32))
        is_spoilt = (step == 2) & (at == 5)
        ids = {"user": users, "liked": movies.to_sparse(), "seen": movies}
        given = {"user": None, "liked": weights.to_sparse(), "seen": None}
        return Batch(
            {name: ids[name] for name in self.features},
            {name: given[name] for name in self.features},
            {"price": tf.sin(tf.cast(at, tf.float32))},
            tf.cast(users % 2, tf.float32),
            tf.where(is_spoilt, self.weight, 1.0),
            tf.ones([size]),
        )


def made(
    strategy: Any, batch_size: int = BATCH, features: FeatureSet = FEATURES
) -> TPULearner:
    keras.utils.set_random_seed(1)
    training = Training(batch_size=batch_size, steps=1, tpu="local")
    return new_tpu_learner(features, ROWS, MODEL, training, strategy)


@pytest.fixture
def learner(emulated_tpu: Callable[..., Any]) -> Iterator[TPULearner]:
    """A learner on an emulated TPU."""
    with (
        emulated_tpu(hosts=1, cores=CORES) as tpu,
        mock.patch.object(tpu_learner, "check_tpu_graph"),
    ):
        yield made(tpu.strategy())


def refused(learner: TPULearner, batches: Batches, steps: int) -> Fault:
    iterator = iter(learner.distribute(batches))
    with pytest.raises(tf.errors.InvalidArgumentError, match="not finite"):
        learner.train(iterator, tf.constant(steps))
    fault = learner.guard.fault()
    assert fault is not None
    return fault


def test_first_step_that_is_not_finite_is_named(learner: TPULearner) -> None:
    fault = refused(learner, Batches(weight=np.inf), steps=5)

    # Of the second core's part it is example 1; of the batch, 5.
    assert fault == Fault("not finite: the example weights", fault.remedy, 5)
    assert int(learner.step) == 2


def test_steps_are_counted_while_all_are_finite(learner: TPULearner) -> None:
    iterator = iter(learner.distribute(Batches()))

    losses = [float(learner.train(iterator, tf.constant(2))) for _ in range(2)]

    assert np.isfinite(losses).all()
    assert learner.guard.fault() is None
    assert int(learner.step) == 4


def test_id_outside_of_its_table_reaches_no_core(learner: TPULearner) -> None:
    iterator = iter(learner.distribute(Batches(user=ROWS["person"])))

    message = "ids of table .*person.* must lie in"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        learner.train(iterator, tf.constant(3))
    assert learner.guard.fault() is None


def test_batch_that_cores_cannot_share_is_refused(
    emulated_tpu: Callable[..., Any],
) -> None:
    message = "training.batch_size is 7, and each .* 2 cores .* of 2, such as 8"
    with emulated_tpu() as tpu, pytest.raises(ValueError, match=message):
        made(tpu.strategy(), batch_size=7)


@contextlib.contextmanager
def variables_on_cpus(strategy: Any) -> Iterator[None]:
    """Has the variables of cores that exist by name only lie on CPUs."""
    cpu = "/job:localhost/replica:0/task:0/device:CPU:{}"
    cpus = np.array([[cpu.format(core)] for core in range(CORES)])
    with mock.patch.object(strategy.extended, "_tpu_devices", cpus):
        yield


@pytest.fixture
def by_name(emulated_tpu: Callable[..., Any]) -> TPULearner:
    """A learner under a TPUStrategy: its graphs are those that a chip would get."""
    strategy = load("embedding/tpu/fake_tpu.py").local_strategy(1, CORES)
    with emulated_tpu() as tpu:
        tpu.library.emulator_reset()
    with variables_on_cpus(strategy):
        return made(strategy)


def test_graphs_that_a_tpu_gets_pass_its_check(by_name: TPULearner) -> None:
    iterator = iter(by_name.distribute(Batches()))

    with mock.patch.object(
        tpu_learner, "check_tpu_graph", wraps=graph_check.check_tpu_graph
    ) as check:
        by_name.check_graph(by_name._steps, iterator, tf.constant(3))
        by_name.check_graph(by_name._judged, iterator)
        by_name.check_graph(by_name._judged, iterator)

    assert check.call_count == 2


def test_step_that_would_hang_is_refused_before_it_runs(by_name: TPULearner) -> None:
    iterator = iter(by_name.distribute(Batches()))

    def without_gradients(learner: Learner, values: Any) -> None:
        learner.optimizer.apply(values.dense, learner.model.trainable_variables)

    with (
        mock.patch.object(TPULearner, "_update", without_gradients),
        pytest.raises(ValueError, match="whose gradients are never sent"),
    ):
        by_name.train(iterator, tf.constant(3))
    assert int(by_name.step) == 0


@pytest.mark.filterwarnings("ignore:The initializer TruncatedNormal is unseeded")
def test_steps_on_sparse_cores_enqueue_and_look_up_in_one_program() -> None:
    resolver = load("embedding/tpu/fake_tpu.py").FakeResolver(
        1, CORES, sparse_cores=2, job="localhost"
    )
    strategy = tf.distribute.TPUStrategy(resolver)
    pooled = {k: f for k, f in FEATURES.features.items() if not f.max_sequence_length}
    with variables_on_cpus(strategy):
        learner = made(
            strategy, features=FEATURES.model_copy(update={"features": pooled})
        )
    batches = Batches(features=pooled)
    iterator = iter(learner.distribute(batches))

    learner.check_graph(learner._steps, iterator, tf.constant(3))
    for graph in (
        learner._steps.get_concrete_function(iterator, tf.constant(3)).graph,
        learner._judged.get_concrete_function(iterator).graph,
    ):
        text = graph.as_graph_def().SerializeToString()
        assert b"XlaSparseDenseMatmul" in text
        assert b"TPUEmbeddingArbitraryTensorBatch" not in text
