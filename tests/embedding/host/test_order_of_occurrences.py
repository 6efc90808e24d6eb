"""Without accumulation a row is updated by its occurrences in one order, as documented.

Replicas, features, activation rows, and then the entries of an activation row as they
stand: however the entries of a SparseTensor are ordered, and whoever holds the rows.
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding
cases = load(Path(__file__).parents[1] / "cases.py")

EXAMPLES, WIDTH = 5, 4
# Few rows: all of them occur often, on every host.
ROWS = 6


def drawn(rng, length):
    """Returns entries [n, 2] in no order, ids, weights and the gradient."""
    places = [(b, k) for b in range(EXAMPLES) for k in range(WIDTH)]
    kept = rng.permutation(len(places))[: len(places) - 4]
    indices = np.array(places)[kept]
    ids = rng.integers(0, ROWS, len(kept))
    weights = rng.uniform(0.5, 2, len(kept)).astype(np.float32)
    shape = (EXAMPLES, length, cases.DIM) if length else (EXAMPLES, cases.DIM)
    gradient = rng.normal(size=shape).astype(np.float32)
    return indices, ids, weights, gradient


def sparse(indices, values):
    return tf.SparseTensor(
        tf.constant(indices, tf.int64), tf.constant(values), [EXAMPLES, WIDTH]
    )


def lookup_of(oracle, indices, ids, weights, length):
    """Returns the reference's lookup: examples of entries in the order they stand."""
    if length:
        by_place = {tuple(at): int(row) for at, row in zip(indices, ids, strict=True)}
        examples = [
            [by_place.get((b, k)) for k in range(WIDTH)] for b in range(EXAMPLES)
        ]
        return oracle.Lookup(examples, "mean", None, length)
    stand = [np.flatnonzero(indices[:, 0] == b) for b in range(EXAMPLES)]
    return oracle.Lookup(
        [ids[at].tolist() for at in stand],
        "mean",
        [weights[at].tolist() for at in stand],
    )


def configuration(length):
    table = cases.table("mean", rows=ROWS)
    return {side: cases.feature(table, length) for side in ("left", "right")}


def batch_of(features, length):
    """Returns ids, weights and gradients of a replica, as the engine takes them."""
    ids = {name: sparse(own[0], own[1]) for name, own in features.items()}
    weights = {
        name: None if length else sparse(own[0], own[2])
        for name, own in features.items()
    }
    return ids, weights, {n: tf.constant(own[3]) for n, own in features.items()}


def expected(oracle, replicas, length):
    """Returns the table that the reference updates in the documented order."""
    rule = oracle.Adagrad(0.5, use_gradient_accumulation=False)
    table = oracle.Table(cases.values(ROWS), rule)
    table.step(
        [
            (lookup_of(oracle, *own[:3], length), own[3])
            for features in replicas
            for own in features.values()
        ]
    )
    return table.values


def rule():
    return tpu.Adagrad(0.5, use_gradient_accumulation=False)


@pytest.mark.parametrize("length", [0, 3], ids=["pooled", "sequence"])
@pytest.mark.parametrize("hosts", [1, 3])
def test_order_is_that_of_features_and_activation_rows(kernels, oracle, hosts, length):
    rng = np.random.default_rng(hosts)
    features = {side: drawn(rng, length) for side in ("left", "right")}
    engine = cases.start(configuration(length), rule(), hosts, EXAMPLES)
    ids, weights, gradients = batch_of(features, length)
    engine.enqueue(ids, weights)
    engine.dequeue()
    engine.apply_gradients(gradients)
    np.testing.assert_allclose(
        cases.parameters(engine), expected(oracle, [features], length), atol=1e-5
    )


@pytest.mark.parametrize("length", [0, 3], ids=["pooled", "sequence"])
def test_order_of_replicas_comes_first(kernels, oracle, length):
    rng = np.random.default_rng(8)
    replicas = [
        {side: drawn(rng, length) for side in ("left", "right")} for _ in range(2)
    ]
    batches = [batch_of(features, length) for features in replicas]
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        engine = TPUEmbedding(configuration(length), rule(), hosts=cases.hosts(2))
        engine.build(EXAMPLES)
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values(ROWS))
    ids, weights, gradients = (
        strategy.experimental_distribute_values_from_function(
            lambda context, part=part: part[context.replica_id_in_sync_group]
        )
        for part in zip(*batches, strict=True)
    )
    engine.enqueue(ids, weights)

    def step(gradients):
        engine.dequeue()
        engine.apply_gradients(gradients)

    strategy.run(step, (gradients,))
    np.testing.assert_allclose(
        cases.parameters(engine), expected(oracle, replicas, length), atol=1e-5
    )


def test_ids_of_one_activation_row_keep_their_order(kernels, oracle):
    """One row twice in an example, with weights of their own, and other examples'."""
    indices = np.array([[1, 2], [0, 3], [1, 0], [0, 0]])
    ids, weights = np.array([1, 1, 1, 1]), np.array([3, 1, 0.2, 2], np.float32)
    gradient = np.array([[1.0], [5.0]], np.float32) * np.ones(cases.DIM, np.float32)
    gradient = np.concatenate([gradient, np.zeros([3, cases.DIM], np.float32)])
    features = dict.fromkeys(["left", "right"], (indices, ids, weights, gradient))
    engine = cases.start(configuration(0), rule(), 2, EXAMPLES)
    ids, weights, gradients = batch_of(features, 0)
    engine.enqueue(ids, weights)
    engine.dequeue()
    engine.apply_gradients(gradients)
    np.testing.assert_allclose(
        cases.parameters(engine), expected(oracle, [features], 0), atol=1e-5
    )
