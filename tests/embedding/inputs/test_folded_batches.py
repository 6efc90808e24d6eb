"""A ragged batch folds into a configured shape of any rank, its rows known or not."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding, serving_embedding_lookup

tpu = tf.tpu.experimental.embedding
cases = load(Path(__file__).parents[1] / "cases.py")

IDS = [[1, 2, 3], [5]]
# By output shape: the ids of each place.
PLACES = {
    (2,): [[1, 2, 3], [5]],
    (4,): [[1], [2], [5], []],
    (2, 2): [[1], [2], [5], []],
    (1, 2): [[1, 2, 3], [5]],
}
KINDS = ["sparse", "dense"]


@pytest.fixture(params=PLACES, ids=str)
def shape(request):
    return request.param


def configuration(shape, length=0):
    """Returns the feature, and one beside it that does not fold."""
    table = cases.table("mean")
    return {
        "clicks": cases.feature(table, length, shape),
        "other": cases.feature(table),
    }


def engine_of(config, **build):
    engine = TPUEmbedding(config, tpu.SGD(0.5), hosts=cases.hosts(2))
    engine.build(**build)
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values())
    return engine


def batch(kind="ragged"):
    ids = [[1], [5]] if kind == "dense" else IDS
    return {
        "clicks": cases.tensor(kind, ids, tf.int64),
        "other": tf.constant([7, 8], tf.int64),
    }


def expected(shape):
    rows = cases.values()
    means = [rows[o].mean(axis=0) if o else np.zeros(cases.DIM) for o in PLACES[shape]]
    return np.reshape(means, [*shape, cases.DIM])


@pytest.mark.parametrize("rows", [None, 2], ids=["unknown rows", "known rows"])
def test_engine_and_serving_fold_alike(kernels, shape, rows):
    config = configuration(shape)
    engine = engine_of(config)
    specs = {
        "clicks": tf.RaggedTensorSpec([rows, None], tf.int64),
        "other": tf.TensorSpec([2], tf.int64),
    }

    @tf.function(input_signature=[specs])
    def both(ids):
        engine.enqueue(ids, training=False)
        served = serving_embedding_lookup(ids, None, engine.embedding_tables, config)
        return engine.dequeue(), served

    for answer in both(batch()):
        np.testing.assert_allclose(answer["clicks"], expected(shape), atol=1e-6)
        np.testing.assert_array_equal(answer["other"], cases.values()[[7, 8]])


def test_eager_batches_fold_and_train(kernels, shape):
    # A length of sequences is of no effect beside an output shape.
    engine = engine_of(configuration(shape, length=3))
    engine.enqueue(batch())
    activations = engine.dequeue()
    np.testing.assert_allclose(activations["clicks"], expected(shape), atol=1e-6)
    engine.apply_gradients(tf.nest.map_structure(tf.ones_like, activations))
    after = cases.values()
    np.subtract.at(after, [7, 8], 0.5)
    for own in PLACES[shape]:
        np.subtract.at(after, own, 0.5 / max(len(own), 1))
    np.testing.assert_allclose(cases.parameters(engine), after, atol=1e-6)


@pytest.mark.parametrize(
    "shapes", [2, {"clicks": tf.TensorShape([2, None]), "other": tf.TensorShape([2])}]
)
def test_build_takes_the_rows_that_are_to_fold(kernels, shape, shapes):
    engine = engine_of(configuration(shape), per_replica_input_shapes=shapes)
    engine.enqueue(batch(), training=False)
    np.testing.assert_allclose(engine.dequeue()["clicks"], expected(shape), atol=1e-6)


@pytest.mark.parametrize("rows", [None, 2], ids=["unknown rows", "known rows"])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_rows_that_do_not_divide_the_shape_are_refused(kernels, rows, size):
    config = configuration((size,))
    engine = engine_of(config)
    message = "Output shape set in the FeatureConfig should be the factor"
    spec = tf.RaggedTensorSpec([rows, None], tf.int64)

    def refused(ask):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
            tf.function(ask, input_signature=[spec])(batch()["clicks"])

    others = {"other": batch()["other"]}
    refused(lambda ids: engine.enqueue({"clicks": ids, **others}, training=False))
    tables = engine.embedding_tables
    refused(lambda ids: serving_embedding_lookup({"clicks": ids}, None, tables, config))


@pytest.mark.parametrize("rows", [None, 2], ids=["unknown rows", "known rows"])
@pytest.mark.parametrize("kind", KINDS)
def test_other_batches_never_fold(kernels, kind, rows):
    """The engine has one shape; serving takes batches of any size."""
    config = configuration((4,))
    engine = engine_of(config)
    ids = batch(kind)
    spec = {
        "clicks": cases.spec(ids["clicks"], rows),
        "other": cases.spec(ids["other"]),
    }
    enqueue = tf.function(
        lambda ids: engine.enqueue(ids, training=False), input_signature=[spec]
    )
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError),
        match=r"Inconsistent shape|built for batches of output shape \[4\], got \[2\]",
    ):
        enqueue(ids)
    served = serving_embedding_lookup(ids, None, engine.embedding_tables, config)
    own = [[1], [5]] if kind == "dense" else IDS
    means = [cases.values()[of].mean(axis=0) for of in own]
    np.testing.assert_allclose(served["clicks"], means, atol=1e-6)
