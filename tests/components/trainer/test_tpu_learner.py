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

from shardline.components.trainer import learner as host_learner
from shardline.components.trainer import tpu_learner
from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.lookup_recorder import LookupRecorder
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
        size, count = BATCH // share.parts, share.stop - share.first

        def part(number: tf.Tensor) -> Batch:
            step, of_step = number // count, share.first + number % count
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


def test_hosts_of_a_pod_read_the_parts_of_their_cores(learner: TPULearner) -> None:
    whole = list(learner.distribute(Batches()).take(2 * CORES))
    learner._reads_here = False

    with mock.patch.object(
        learner._strategy, "distribute_datasets_from_function"
    ) as distribute:
        learner.distribute(Batches())
    read, options = distribute.call_args.args
    assert not options.experimental_fetch_to_device
    of_hosts = [
        list(read(tf.distribute.InputContext(CORES, host, CORES)).take(2))
        for host in range(CORES)
    ]

    # Step by step, the part of the first host's core, and then that of the second's.
    parts = [part for of_step in zip(*of_hosts, strict=True) for part in of_step]
    for part, expected in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(part.ids["user"], expected.ids["user"])
        np.testing.assert_array_equal(part.labels, expected.labels)


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


class Normalized(keras.Model):
    """A dense model that normalizes what it gets, in a layer of a layer."""

    def __init__(self, synchronized: bool):
        super().__init__()
        normalize = keras.layers.BatchNormalization(synchronized=synchronized)
        self._layers_of = keras.Sequential([normalize, keras.layers.Dense(1)])

    def call(
        self, activations: Any, numbers: Any = None, training: bool = False
    ) -> Any:
        """Returns logits of activations of single ids."""
        found = self._layers_of(activations["user"], training=training)
        return keras.ops.squeeze(found, axis=-1)


@contextlib.contextmanager
def normalized(synchronized: bool = True) -> Iterator[None]:
    """Has learners get that model."""

    def construct(*_: Any) -> Normalized:
        return Normalized(synchronized)

    with (
        mock.patch.object(tpu_learner, "construct", construct),
        mock.patch.object(host_learner, "construct", construct),
    ):
        yield


def test_statistics_of_a_part_of_the_batch_are_refused(
    emulated_tpu: Callable[..., Any],
) -> None:
    message = "batch_normalization.*its own part of a batch.*synchronized=True"
    with (
        emulated_tpu() as tpu,
        normalized(synchronized=False),
        pytest.raises(ValueError, match=message),
    ):
        made(tpu.strategy())


def test_synchronized_statistics_are_those_of_hosts(
    emulated_tpu: Callable[..., Any],
) -> None:
    with normalized():
        training = Training(batch_size=BATCH, steps=1, seed=1)
        hosts = host_learner.new_learner(FEATURES, ROWS, MODEL, training)
        with (
            emulated_tpu() as tpu,
            mock.patch.object(tpu_learner, "check_tpu_graph"),
        ):
            learner = made(tpu.strategy())
            for each in (hosts, learner):
                each.train(iter(each.distribute(Batches())), tf.constant(3))

            for found, expected in zip(
                learner.model.weights, hosts.model.weights, strict=True
            ):
                np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-5, 1e-6)


def test_dropout_draws_the_same_units_on_all_cores_and_others_in_each_step(
    emulated_tpu: Callable[..., Any],
) -> None:
    with emulated_tpu() as tpu:
        strategy = tpu.strategy()
        with strategy.scope():
            dropout = keras.layers.Dropout(0.5, seed=3)
        drop = tf.function(
            lambda: strategy.run(lambda: dropout(tf.ones([4, 16]), training=True))
        )

        drawn = [strategy.experimental_local_results(drop()) for _ in range(2)]

    for one, other in drawn:
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(drawn[0][0], drawn[1][0])


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
        # Checks the graph that looks up what is recorded.
        LookupRecorder(by_name, FEATURES, ROWS, BATCH)

    assert check.call_count == 3


def test_each_graph_of_a_function_is_checked(by_name: TPULearner) -> None:
    function = tf.function(lambda value: value)

    with mock.patch.object(tpu_learner, "check_tpu_graph") as check:
        for size in (2, 3, 2):
            by_name.check_graph(function, tf.zeros([size]))

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
