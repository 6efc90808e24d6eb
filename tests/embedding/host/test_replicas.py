"""Several replicas: what must not mix their batches up."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding
pytestmark = pytest.mark.usefixtures("kernels")


@pytest.fixture(scope="module")
def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def engine(cases, strategy):
    config = {"clicks": cases.feature(cases.table("sum"))}
    with strategy.scope():
        return cases.start(config, tpu.SGD(0.5))


def distributed(strategy, *batches):
    """Returns the feature "clicks" with one batch for each replica."""
    return {
        "clicks": strategy.experimental_distribute_values_from_function(
            lambda context: batches[context.replica_id_in_sync_group]
        )
    }


def dense(strategy, *rows):
    return distributed(strategy, *(tf.constant(row, tf.int64) for row in rows))


def looked_up(strategy, engine):
    found = strategy.run(tf.function(lambda: engine.dequeue()["clicks"]))
    return [value.numpy() for value in strategy.experimental_local_results(found)]


def test_partial_batch_of_one_replica_is_refused(cases, strategy, engine):
    ragged = [cases.tensor("ragged", r, tf.int64) for r in ([[1], [2]], [[3, 4, 5]])]
    with pytest.raises(ValueError, match=r"'clicks'.*output shape \[2\], got \[1\]"):
        engine.enqueue(distributed(strategy, *ragged), training=False)


def test_refused_batch_of_one_replica_leaves_the_others_in_step(
    cases, strategy, engine
):
    with pytest.raises(tf.errors.InvalidArgumentError, match="99"):
        engine.enqueue(dense(strategy, [1, 2], [99, 1]), training=False)
    engine.enqueue(dense(strategy, [3, 4], [5, 6]), training=False)
    for found, rows in zip(looked_up(strategy, engine), ([3, 4], [5, 6]), strict=True):
        np.testing.assert_array_equal(found, cases.values()[rows])


def test_engine_made_outside_of_the_scope_refuses_distributed_batches(
    cases, strategy, config
):
    engine = cases.start(config, tpu.SGD(0.5))
    with pytest.raises(ValueError, match=r"for 2 replicas.*for 1.*scope"):
        engine.enqueue(dense(strategy, [1, 2], [3, 4]))


def test_replicas_that_differ_in_training_are_refused(strategy, engine):
    for replica, training in enumerate((True, False)):
        engine.enqueue(
            {"clicks": tf.constant([1, 2], tf.int64)},
            training=training,
            device=f"CPU:{replica}",
        )
    with pytest.raises(tf.errors.InvalidArgumentError, match="differ in `training`"):
        looked_up(strategy, engine)


def test_device_of_no_replica_is_refused(engine):
    with pytest.raises(ValueError, match=r"'CPU:2' belongs to no replica.*Non-TPU"):
        engine.enqueue({"clicks": tf.constant([1, 2], tf.int64)}, device="CPU:2")


def test_several_processes_of_a_strategy_are_refused(config, monkeypatch, strategy):
    monkeypatch.setattr(
        type(strategy), "num_replicas_in_sync", property(lambda self: 4)
    )
    with strategy.scope(), pytest.raises(NotImplementedError, match="4 replicas"):
        TPUEmbedding(config, tpu.SGD(0.5))
