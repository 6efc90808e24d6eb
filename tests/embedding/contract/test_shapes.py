"""Output shapes: where they come from, which source wins, ranks above 2."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

SHAPE = tf.TensorShape


@pytest.fixture
def make(replica_batch, sgd):
    """Returns an engine of one feature "seen", not built, on three hosts."""

    def make(output_shape=None, length=0, combiner="sum"):
        table = tpu.TableConfig(
            *replica_batch.SHAPES["items"],
            initializer=lambda shape, dtype=None: tf.constant(
                replica_batch.initial("items")
            ),
            combiner=combiner,
            name="items",
        )
        feature = tpu.FeatureConfig(
            table, max_sequence_length=length, output_shape=output_shape
        )
        return TPUEmbedding({"seen": feature}, sgd)

    return make


def look_up(engine, ids):
    engine.enqueue({"seen": ids}, training=False)
    return engine.dequeue()["seen"]


def cells(rows):
    """Returns a SparseTensor [2, 3, 4]: `rows` are the ids of its six cells."""
    indices = [
        [at // 3, at % 3, place]
        for at, row in enumerate(rows)
        for place in range(len(row))
    ]
    ids = [value for row in rows for value in row]
    return tf.SparseTensor(indices, tf.constant(ids, tf.int64), [2, 3, 4])


CELLS = [[0], [1, 4], [], [2, 2, 5], [3], [0, 0]]


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
def test_sparse_rank_3_pools_the_last_dimension(replica_batch, oracle, make, combiner):
    got = look_up(make(combiner=combiner), cells(CELLS))
    expected = oracle.Lookup(CELLS, combiner).activations(
        replica_batch.initial("items")
    )
    np.testing.assert_allclose(got, expected.reshape([2, 3, 2]), rtol=1e-6)


def test_sparse_rank_3_trains_every_cell(cases, replica_batch, oracle, make):
    engine = make(combiner="mean")
    engine.enqueue({"seen": cells(CELLS)})
    gradient = engine.dequeue()["seen"]
    engine.apply_gradients({"seen": gradient})
    table = oracle.Table(replica_batch.initial("items"), oracle.SGD(0.5))
    table.step([(oracle.Lookup(CELLS, "mean"), gradient.numpy().reshape([6, 2]))])
    got = cases.state(engine)["items"]["parameters"]
    np.testing.assert_allclose(got, table.values, rtol=1e-5)


def test_weights_go_with_sparse_rank_3(replica_batch, oracle, make):
    ids = cells(CELLS)
    weights = ids.with_values(tf.cast(tf.range(1, 10), tf.float32))
    engine = make(combiner="mean")
    engine.enqueue({"seen": ids}, {"seen": weights}, training=False)
    flat, by_cell = iter(weights.values.numpy().tolist()), []
    for row in CELLS:
        by_cell.append([next(flat) for _ in row])
    expected = oracle.Lookup(CELLS, "mean", by_cell).activations(
        replica_batch.initial("items")
    )
    np.testing.assert_allclose(
        engine.dequeue()["seen"], expected.reshape([2, 3, 2]), rtol=1e-5
    )


@pytest.mark.parametrize("shape", [[6], [6, 1], [2, 3, 1], [1, 2, 3, 1]])
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_dense_ids_keep_their_shape(replica_batch, make, shape, dtype):
    ids = tf.reshape(tf.constant([0, 1, 4, 2, 5, 5], dtype), shape)
    got = look_up(make(), ids)
    leading = shape if len(shape) == 1 else shape[:-1]
    expected = replica_batch.initial("items")[[0, 1, 4, 2, 5, 5]].reshape([*leading, 2])
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_ragged_batch_takes_a_deeper_output_shape(replica_batch, oracle, make):
    rows = [[0], [1, 4], [], [2, 2, 5]]
    got = look_up(make(output_shape=[2, 2]), tf.ragged.constant(rows, tf.int64))
    expected = oracle.Lookup(rows, "sum").activations(replica_batch.initial("items"))
    np.testing.assert_allclose(got, expected.reshape([2, 2, 2]), rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "expected"), [([2, 2, None], [2, 2, 2]), ([2, 4, None], [2, 4, 2])]
)
def test_ragged_batch_takes_the_deeper_shape_of_build(
    replica_batch, make, shape, expected
):
    # A shape given to build counts as one of the configuration.
    rows = tf.ragged.constant([[0], [1, 4], [], [2, 2, 5]], tf.int64)
    engine = make()
    engine.build({"seen": SHAPE(shape)})
    got = look_up(engine, rows)
    configured = look_up(make(output_shape=shape[:-1]), rows)
    assert got.shape == expected
    np.testing.assert_allclose(got, configured, rtol=1e-6)


def test_ragged_rows_become_sequences_of_what_the_output_shape_leaves(
    replica_batch, make
):
    # Eight places for four examples: two positions for each.
    rows = [[0], [1, 4], [], [2, 2, 5]]
    got = look_up(make(output_shape=[2, 4]), tf.ragged.constant(rows, tf.int64))
    expected = np.zeros([4, 2, 2], np.float32)
    for example, ids in enumerate(rows):
        for place, row in enumerate(ids[:2]):
            expected[example, place] = replica_batch.initial("items")[row]
    np.testing.assert_allclose(got, expected.reshape([2, 4, 2]), rtol=1e-6)


def test_ragged_batch_that_does_not_divide_the_output_shape_is_refused(make):
    rows = tf.ragged.constant([[0], [1, 4], [], [2]], tf.int64)
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError),
        match="Output shape set in the FeatureConfig should be the factor",
    ):
        look_up(make(output_shape=[2, 3]), rows)


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_output_shape_comes_before_max_sequence_length(
    replica_batch, oracle, make, kind
):
    rows = [[0], [1, 4]]
    got = look_up(make(output_shape=[2], length=3), replica_batch.tensor(kind, rows))
    expected = oracle.Lookup(rows, "sum").activations(replica_batch.initial("items"))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_max_sequence_length_is_of_no_effect_above_rank_2(replica_batch, oracle, make):
    got = look_up(make(length=2), cells(CELLS))
    expected = oracle.Lookup(CELLS, "sum").activations(replica_batch.initial("items"))
    np.testing.assert_allclose(got, expected.reshape([2, 3, 2]), rtol=1e-6)


def test_mixed_ranks_and_kinds_share_a_batch_and_a_table(replica_batch, oracle, sgd):
    config = replica_batch.feature_config()
    engine = TPUEmbedding(config, sgd)
    inputs = {
        "bought": tf.constant([[[1], [2], [0]]]),
        "groups": tf.ragged.constant([[8], [0, 1, 2]], tf.int64),
        "seen": cells(CELLS),
    }
    engine.enqueue(inputs, training=False)
    got = engine.dequeue()
    items, groups = replica_batch.initial("items"), replica_batch.initial("groups")
    np.testing.assert_allclose(got["bought"], items[[[1, 2, 0]]], rtol=1e-6)
    expected = oracle.Lookup([[8], [0, 1, 2]], "mean").activations(groups)
    np.testing.assert_allclose(got["groups"], expected, rtol=1e-6)
    expected = oracle.Lookup(CELLS, "sum").activations(items).reshape([2, 3, 2])
    np.testing.assert_allclose(got["seen"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    "build",
    [
        lambda engine: engine.build(4),
        lambda engine: engine.build(per_replica_batch_size=4),
        lambda engine: engine.build(
            per_replica_input_shapes={"seen": SHAPE([4, None])}
        ),
        lambda engine: engine.build([SHAPE([4, 9])]),
        lambda engine: engine.build({"seen": SHAPE([4])}),
    ],
    ids=["int", "deprecated", "nest", "list", "rank 1"],
)
@pytest.mark.parametrize("kind", ["dense", "sparse", "ragged"])
def test_build_takes_sizes_and_shapes(replica_batch, make, build, kind):
    engine = make()
    build(engine)
    assert look_up(engine, replica_batch.tensor(kind, [[1]] * 4)).shape == [4, 2]
    with pytest.raises(ValueError, match=r"Inconsistent shape founded.*seen"):
        look_up(engine, replica_batch.tensor(kind, [[1]] * 3))


def test_build_twice_is_of_no_effect(replica_batch, make):
    engine = make()
    engine.build(4)
    engine.build(4)
    assert look_up(engine, replica_batch.tensor("dense", [[1]] * 4)).shape == [4, 2]


def test_configured_shape_comes_before_that_of_build(replica_batch, make):
    engine = make(output_shape=[2, 4])
    engine.build({"seen": SHAPE([2, None, None])})
    ids = tf.reshape(tf.range(8) % 6, [2, 4, 1])
    assert look_up(engine, ids).shape == [2, 4, 2]


def test_contradicting_shapes_are_refused_by_build(make):
    with pytest.raises(ValueError, match=r"Inconsistent shape founded.*seen"):
        make(output_shape=[2, 4]).build({"seen": SHAPE([3, 4, 1])})


@pytest.mark.parametrize(
    "shape", [[None, 3], [2, None, 1], [None]], ids=["batch", "middle", "rank 1"]
)
def test_unknown_sizes_are_refused_by_build(make, shape):
    with pytest.raises(ValueError, match=r"Input Feature seen .*not fully defined"):
        make().build({"seen": SHAPE(shape)})


def test_configured_shape_with_unknown_sizes_is_refused(make):
    ids = tf.reshape(tf.range(8) % 6, [2, 4, 1])
    with pytest.raises(ValueError, match=r"Input Feature seen .*not fully defined"):
        look_up(make(output_shape=[None, 4]), ids)


@pytest.mark.parametrize("shape", [None, []], ids=["unknown", "scalar"])
def test_shape_without_a_batch_dimension_is_refused_by_build(make, shape):
    with pytest.raises(ValueError, match="Rank must be 1 and above"):
        make().build({"seen": SHAPE(shape)})


def test_too_few_shapes_are_refused_by_build(replica_batch, sgd):
    engine = TPUEmbedding(replica_batch.feature_config(), sgd)
    with pytest.raises(ValueError, match=r"'bought', 'groups', 'seen'\]; got 1"):
        engine.build({"seen": SHAPE([4])})


def test_rank_3_batch_of_unknown_sizes_is_checked_when_it_runs(make):
    engine = make()
    engine.build({"seen": SHAPE([2, 3, 1])})
    spec = {"seen": tf.SparseTensorSpec([None, None, None], tf.int64)}

    @tf.function(input_signature=[spec])
    def run(batch):
        engine.enqueue(batch, training=False)
        return engine.dequeue()["seen"]

    assert run({"seen": cells(CELLS)}).shape == [2, 3, 2]
    other = tf.SparseTensor([[0, 0, 0]], tf.constant([1], tf.int64), [2, 4, 4])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"seen.*built for batches of"
    ):
        run({"seen": other})
    assert run({"seen": cells(CELLS)}).shape == [2, 3, 2]


def test_gradients_of_rank_3_keep_their_shape(replica_batch, make):
    engine = make()
    engine.enqueue({"seen": cells(CELLS)})
    engine.dequeue()
    with pytest.raises(
        ValueError, match=r"Found gradient of shape \(6, 2\).*Expected shape .*2, 3, 2"
    ):
        engine.apply_gradients({"seen": tf.ones([6, 2])})
    engine.apply_gradients({"seen": tf.ones([2, 3, 2])})
