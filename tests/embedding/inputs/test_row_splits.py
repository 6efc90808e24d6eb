"""Where ids stand: what no ragged or sparse tensor can have is refused in words."""

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding, serving_embedding_lookup
from shardline.embedding.serving.tables import ServingTable, encoded
from shardline.embedding.tables import partition

tpu = tf.tpu.experimental.embedding
cases = load("embedding/cases.py")

IDS = [1, 2, 3]
SPLITS = {
    "descend": [3, 0, 3],
    "pass the end": [0, 2**40, 3],
    "pass the end and come back": [0, 5, 2],
    "begin late": [1, 2, 3],
    "end early": [0, 1, 2],
    "end at once": [0, 0, 0],
    "begin below 0": [-2, 1, 3],
    "end past the end": [0, 1, 2**62],
}
REFUSAL = r"Feature \\?'clicks\\?': row_splits must ascend from 0 to the number of ids,"
OUTSIDE = "'clicks.*indices must lie inside its dense_shape"
OTHER_WEIGHTS = [
    ([1, 1, 1], [0, 1, 3]),
    ([1, 1, 1], [0, 2, 2, 3]),
    ([1, 1], [0, 2, 3]),
    ([1, 1, 1, 1], [0, 2, 3]),
    ([1, 1], [0, 1, 2]),
]
FEATURES = {
    "pooled": {},
    "sequence": {"max_sequence_length": 2},
    "folded": {"output_shape": [2, 3]},
    "folded to as many": {"output_shape": [2]},
    "not validated": {"validate_weights_and_indices": False},
    "sequence, not validated": {
        "max_sequence_length": 2,
        "validate_weights_and_indices": False,
    },
}
SPARSE_FEATURES = {
    name: options for name, options in FEATURES.items() if "output_shape" not in options
}


def ragged(values, splits, dtype=tf.int64):
    return tf.RaggedTensor.from_row_splits(
        tf.constant(values, dtype), tf.constant(splits, tf.int64), validate=False
    )


def configuration(**options):
    """Returns two features of one table: of "fine" nothing is ever refused."""
    table = cases.table("mean")
    return {
        "fine": tpu.FeatureConfig(table=table),
        "clicks": tpu.FeatureConfig(table=table, **options),
    }


def engine_of(config, word="error", hosts=2):
    engine = TPUEmbedding(config, None, hosts=cases.hosts(hosts), policies=word)
    engine.build(2)
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values())
    return engine


@pytest.fixture(params=["engine", "served"])
def tables_of(request):
    """Returns the tables of a configuration: the engine's, or served ones."""

    def tables(config):
        if request.param == "engine":
            return engine_of(config).embedding_tables
        starts = partition.first_rows(cases.ROWS, 2)
        held = ServingTable(cases.DIM, starts)
        for name, values in encoded("float32", cases.values()).items():
            held.parts[name].assign(values)
        return {config["clicks"].table: held}

    return tables


@pytest.fixture
def asking(tables_of, compiled):
    """Returns what asks the serving lookup for "clicks", eagerly or in one graph."""

    def asking(config, word="error"):
        tables = tables_of(config)
        fine = ragged([4, 5], [0, 1, 2])
        ones = ragged([1, 1], [0, 1, 2], tf.float32)

        def look_up(ids, weights=None):
            return serving_embedding_lookup(
                {"fine": fine, "clicks": ids},
                None if weights is None else {"fine": ones, "clicks": weights},
                tables,
                config,
                word,
            )["clicks"]

        if not compiled:
            return look_up
        # Of any number of rows and entries.
        return tf.function(look_up, reduce_retracing=True)

    return asking


@pytest.mark.parametrize("options", FEATURES.values(), ids=FEATURES)
def test_serving_refuses_them(asking, options):
    ask = asking(configuration(**options))
    for splits in SPLITS.values():
        with pytest.raises(tf.errors.InvalidArgumentError, match=REFUSAL):
            ask(ragged(IDS, splits))


@pytest.mark.parametrize("word", ["drop", "oov_row"])
@pytest.mark.parametrize("options", [{}, {"max_sequence_length": 2}])
def test_serving_refuses_them_whatever_the_policy(asking, options, word):
    with pytest.raises(tf.errors.InvalidArgumentError, match=REFUSAL):
        asking(configuration(**options), word)(ragged(IDS, [3, 0, 3]))


@pytest.mark.parametrize("options", FEATURES.values(), ids=FEATURES)
def test_the_engine_refuses_them(kernels, options):
    engine = engine_of(configuration(**options))
    for splits in SPLITS.values():
        with pytest.raises(tf.errors.InvalidArgumentError, match=REFUSAL):
            engine.enqueue(
                {"fine": tf.constant([4, 5]), "clicks": ragged(IDS, splits)},
                training=False,
            )


def test_a_tensor_without_row_splits_is_refused(kernels):
    """TensorFlow can make it, but neither tell its shape nor pass it to a function."""
    config = configuration()
    engine = engine_of(config)
    batch = {"fine": tf.constant([4, 5]), "clicks": ragged([], [])}
    with pytest.raises(ValueError, match=f"{REFUSAL} got none"):
        engine.enqueue(batch, training=False)
    with pytest.raises(ValueError, match=f"{REFUSAL} got none"):
        serving_embedding_lookup(batch, None, engine.embedding_tables, config)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[1, 2], [3]]),
        ({"max_sequence_length": 2}, [[1], [2], [3], []]),
        ({"output_shape": [2, 3]}, [[1], [2], [], [3], [], []]),
    ],
)
def test_those_that_are_splits_answer(asking, options, expected):
    got = asking(configuration(**options))(ragged(IDS, [0, 2, 3]))
    rows = cases.values()
    means = [rows[own].mean(axis=0) if own else np.zeros(cases.DIM) for own in expected]
    np.testing.assert_allclose(np.reshape(got, [-1, cases.DIM]), means, atol=1e-6)


@pytest.mark.parametrize("word", ["error", "drop"])
def test_weights_that_stand_elsewhere_are_refused(asking, word):
    ask = asking(configuration(), word)
    message = "'clicks.*weights must stand at the same positions as the ids"
    for values, splits in OTHER_WEIGHTS:
        weights = ragged(values, splits, tf.float32)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            ask(ragged(IDS, [0, 2, 3]), weights)


def sparse_outside():
    for index in ([2, 0], [0, 4], [-1, 0], [0, -1], [1, -1], [2**40, 0]):
        yield tf.SparseTensor([[0, 1], index], tf.constant([1, 2], tf.int64), [2, 4])


@pytest.mark.parametrize("options", SPARSE_FEATURES.values(), ids=SPARSE_FEATURES)
def test_sparse_indices_outside_are_refused(asking, options):
    ask = asking(configuration(**options))
    for ids in sparse_outside():
        with pytest.raises(tf.errors.InvalidArgumentError, match=OUTSIDE):
            ask(ids)


@pytest.mark.parametrize("options", SPARSE_FEATURES.values(), ids=SPARSE_FEATURES)
def test_the_engine_refuses_sparse_indices_outside(kernels, options):
    engine = engine_of(configuration(**options))
    for ids in sparse_outside():
        batch = {"fine": tf.constant([4, 5]), "clicks": ids}
        with pytest.raises(tf.errors.InvalidArgumentError, match=OUTSIDE):
            engine.enqueue(batch, training=False)


def test_sparse_shapes_below_0_are_refused(tables_of):
    """Which only a graph can be given."""
    config = configuration()
    tables = tables_of(config)

    @tf.function(input_signature=[tf.TensorSpec([2], tf.int64)])
    def look_up(shape):
        ids = tf.SparseTensor(
            tf.zeros([0, 2], tf.int64), tf.zeros([0], tf.int64), shape
        )
        return serving_embedding_lookup({"clicks": ids}, None, tables, config)["clicks"]

    assert look_up([2, 4]).shape == (2, cases.DIM)
    with pytest.raises(tf.errors.InvalidArgumentError, match=OUTSIDE):
        look_up([-2, 4])


def test_sparse_indices_out_of_order_answer(asking):
    ids = tf.SparseTensor(
        [[1, 0], [0, 1], [0, 0]], tf.constant([3, 2, 1], tf.int64), [2, 2]
    )
    rows = cases.values()
    expected = [(rows[1] + rows[2]) / 2, rows[3]]
    np.testing.assert_allclose(asking(configuration())(ids), expected, atol=1e-6)
