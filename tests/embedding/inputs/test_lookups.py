"""Which ids and weights the engine takes, and which it refuses."""

import numpy as np
import pytest
import tensorflow as tf

tpu = tf.tpu.experimental.embedding

# A graph's message escapes the quotes.
OUT_OF_RANGE = r"table \\?'items\\?' .*\[0, 11\)"
OTHER_STRUCTURE = "don't have the same nested structure"


@pytest.fixture
def watcher(cases):
    """Two examples with a pooled feature "clicks" and a sequence "history"."""
    table = cases.table()
    config = {"clicks": cases.feature(table), "history": cases.feature(table, 2)}
    return cases.start(config, tpu.SGD(0.5))


def inputs_of(cases, clicks="sparse", history="ragged"):
    rows = [[1], [2]]
    return {
        name: cases.tensor(kind, rows, tf.int64) if isinstance(kind, str) else kind
        for name, kind in {"clicks": clicks, "history": history}.items()
    }


RANK_1 = tf.SparseTensor([[0]], tf.constant([1], tf.int64), [2])


@pytest.mark.parametrize(
    ("clicks", "history", "message"),
    [
        ("sparse", "dense", "'history' is a sequence feature but a dense tensor"),
        (object(), "ragged", "'clicks'.*is of unknown type <class 'object'>"),
        (None, "ragged", "'clicks'.*is of unknown type"),
        (tf.constant([1.0, 2.0]), "ragged", "'clicks'.*int32 or int64, got float32"),
        (tf.constant(["1", "2"]), "ragged", "'clicks'.*int32 or int64, got string"),
        (
            tf.constant([1, 2], tf.uint8),
            "ragged",
            "'clicks'.*int32 or int64, got uint8",
        ),
        (
            tf.RaggedTensor.from_row_lengths([1.0], [1, 0]),
            "ragged",
            "'clicks'.*int32 or int64, got float32",
        ),
        (tf.constant(1), "ragged", r"shape \(\) for feature 'clicks'.*1 and above"),
        (
            tf.ones([2, 2], tf.int64),
            "ragged",
            r"last dimension.*'clicks'.*\(2, 2\)",
        ),
        (RANK_1, "ragged", "rank 2 and above sparse.*'clicks' has rank 1"),
        (
            tf.ragged.constant([[[1]], []]),
            "ragged",
            "rank 2 ragged.*'clicks' has rank 3",
        ),
    ],
)
def test_unfit_ids_are_refused(cases, watcher, clicks, history, message):
    with pytest.raises((ValueError, TypeError), match=message):
        watcher.enqueue(inputs_of(cases, clicks, history))


@pytest.mark.parametrize(
    ("clicks", "weighted", "weights", "message"),
    [
        ("dense", "clicks", "dense", "Weight specified for dense input.*clicks"),
        (
            "sparse",
            "clicks",
            "ragged",
            "'clicks'.*which does not match type input which is SparseTensor",
        ),
        (
            "ragged",
            "clicks",
            "sparse",
            "'clicks'.*which does not match type input which is RaggedTensor",
        ),
        (
            "ragged",
            "clicks",
            "dense",
            "'clicks'.*which does not match type input which is RaggedTensor",
        ),
        ("sparse", "history", "ragged", "Weight.*'history'.*sequence feature"),
    ],
)
def test_unfit_weights_are_refused(cases, watcher, clicks, weighted, weights, message):
    given = {"clicks": None, "history": None}
    given[weighted] = cases.tensor(weights, [[1.0], [1.0]], tf.float32)
    with pytest.raises(ValueError, match=message):
        watcher.enqueue(inputs_of(cases, clicks), given)


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_weights_of_other_positions_are_refused(cases, engine, kind, compiled):
    batch = {"clicks": cases.tensor(kind, [[1, 2], [3]], tf.int64)}
    weights = {"clicks": cases.tensor(kind, [[1.0], [1.0, 1.0]], tf.float32)}

    def look_up(ids_, weights_):
        engine.enqueue(ids_, weights_, training=False)
        return engine.dequeue()

    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"clicks.*weights must stand"
    ):
        cases.called(look_up, compiled, batch, weights)
    good = {"clicks": cases.tensor(kind, [[4], [4]], tf.int64)}
    np.testing.assert_array_equal(
        cases.called(look_up, compiled, good, None)["clicks"], cases.values()[[4, 4]]
    )


def test_int32_and_column_ids_give_what_int64_ids_give(cases, engine):
    expected = cases.values()[[1, 2]]
    for batch in ([1, 2], [[1], [2]]):
        for dtype in (tf.int32, tf.int64):
            engine.enqueue({"clicks": tf.constant(batch, dtype)}, training=False)
            np.testing.assert_array_equal(engine.dequeue()["clicks"], expected)


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_row_splits_of_either_type_are_taken(cases, engine, dtype):
    splits = tf.constant([0, 2, 3], dtype)
    batch = tf.RaggedTensor.from_row_splits(tf.constant([5, 5, 6]), splits)
    engine.enqueue({"clicks": batch}, training=False)
    np.testing.assert_array_equal(engine.dequeue()["clicks"], cases.values()[[5, 6]])


def test_numpy_ids_are_taken(cases, engine):
    engine.enqueue({"clicks": np.array([1, 2])}, training=False)
    np.testing.assert_array_equal(engine.dequeue()["clicks"], cases.values()[[1, 2]])


@pytest.mark.parametrize("row", [-1, 11, 2**31 + 5, 2**32 + 1, 2**40, -(2**40)])
@pytest.mark.parametrize("kind", ["dense", "sparse", "ragged"])
def test_id_outside_its_table_is_refused(cases, engine, kind, row, compiled):
    def look_up(batch):
        engine.enqueue(batch, training=False)
        return engine.dequeue()

    bad, good = (
        {"clicks": cases.tensor(kind, [[1], [r]], tf.int64)} for r in (row, 10)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=OUT_OF_RANGE):
        cases.called(look_up, compiled, bad)
    # Nothing was queued: the next batch is answered with its own rows.
    np.testing.assert_array_equal(
        cases.called(look_up, compiled, good)["clicks"], cases.values()[[1, 10]]
    )


def test_id_outside_a_cut_sequence_tail_is_refused(cases, watcher):
    history = cases.tensor("ragged", [[1, 2, 11], []], tf.int64)
    with pytest.raises(tf.errors.InvalidArgumentError, match=OUT_OF_RANGE):
        watcher.enqueue(inputs_of(cases, history=history))


def test_id_outside_an_unnamed_table_names_the_generated_name(cases):
    tables = [cases.table(name="items"), cases.table(name=None)]
    engine = cases.start([cases.feature(table) for table in tables], None)
    with pytest.raises(tf.errors.InvalidArgumentError, match="'table_1'"):
        engine.enqueue([tf.constant([1, 2]), tf.constant([1, 11])], training=False)


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_negative_weights_under_sum_count_as_they_are(oracle, cases, kind):
    combiner = "sum"
    config = {"clicks": cases.feature(cases.table(combiner))}
    engine = cases.start(config, tpu.SGD(0.5))
    rows, weights = [[1, 2, 3], [4, 5]], [[2.0, -0.5, 0.0], [-1.0, -2.0]]
    engine.enqueue(
        {"clicks": cases.tensor(kind, rows, tf.int64)},
        {"clicks": cases.tensor(kind, weights, tf.float32)},
    )
    activations = engine.dequeue()["clicks"]
    engine.apply_gradients(cases.ones())
    reference = oracle.Table(cases.values(), oracle.SGD(0.5))
    (expected,) = reference.step(
        [(oracle.Lookup(rows, combiner, weights), np.ones([2, 3]))]
    )
    np.testing.assert_allclose(activations, expected, atol=1e-6)
    np.testing.assert_allclose(cases.parameters(engine), reference.values, atol=1e-6)


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_batch_without_any_id_gives_zeros_and_changes_nothing(cases, kind, config):
    engine = cases.start(config, tpu.Adam(0.5))
    engine.enqueue({"clicks": cases.tensor(kind, [[], []], tf.int64)})
    np.testing.assert_array_equal(engine.dequeue()["clicks"], np.zeros([2, 3]))
    engine.apply_gradients(cases.ones())
    np.testing.assert_array_equal(cases.parameters(engine), cases.values())


@pytest.mark.parametrize(
    ("features", "weights"),
    [
        ({"views": 1}, None),
        ({"clicks": 1, "views": 1}, None),
        ([1], None),
        ({"clicks": 1}, {"views": None}),
        ({"clicks": 1}, [None]),
    ],
)
def test_inputs_of_another_structure_are_refused(engine, features, weights):
    features = tf.nest.map_structure(lambda _: tf.constant([1, 2]), features)
    with pytest.raises((ValueError, TypeError), match=OTHER_STRUCTURE):
        engine.enqueue(features, weights)


def test_device_is_refused(cases, engine):
    with pytest.raises(ValueError, match="device /TPU:0"):
        engine.enqueue(cases.clicks(1, 2), device="/TPU:0")


def test_call_names_appear_in_the_graph(cases, engine):
    @tf.function
    def step(batch):
        engine.enqueue(batch, name="put")
        engine.apply_gradients({"clicks": engine.dequeue(name="get")["clicks"]})

    nodes = step.get_concrete_function(cases.clicks(1, 2)).graph.get_operations()
    prefixes = {node.name.split("/")[0] for node in nodes}
    assert {"put", "get", "apply_gradients"} <= prefixes
