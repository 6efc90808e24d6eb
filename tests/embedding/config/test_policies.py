"""One word a table says what happens to ids, weights and gradients of no use."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding, serving_embedding_lookup

tpu = tf.tpu.experimental.embedding
NAN, INF = float("nan"), float("inf")
# Row 10 is the last of the table.
BAD_IDS = [[-1, 2], [3, 11, 4]]
KINDS = ["sparse", "ragged"]


def started(cases, config, policies, optimizer=None, host_count=3):
    engine = TPUEmbedding(
        config,
        optimizer or tpu.SGD(0.5),
        hosts=cases.hosts(host_count),
        policies=policies,
    )
    engine.build(2)
    for key, sharded in engine.embedding_tables.items():
        cases.assign(sharded, cases.values(key.vocabulary_size, key.dim))
    return engine


def looked_up(engine, batch, weights=None):
    engine.enqueue(batch, weights, training=False)
    return engine.dequeue()["clicks"]


def sums(cases, rows):
    values = cases.values()
    return np.stack([values[row].sum(axis=0) for row in rows])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("policy", "rows"),
    [("drop", [[2], [3, 4]]), ("oov_row", [[10, 2], [3, 10, 4]])],
)
def test_unknown_id_follows_the_policy_in_training_and_serving(
    cases, kind, policy, rows
):
    config = {"clicks": cases.feature(cases.table("sum"))}
    engine = started(cases, config, policy)
    batch = {"clicks": cases.tensor(kind, BAD_IDS, tf.int64)}
    expected = sums(cases, rows)
    np.testing.assert_allclose(looked_up(engine, batch), expected, atol=1e-6)
    served = serving_embedding_lookup(
        batch, None, engine.embedding_tables, config, policy
    )
    np.testing.assert_allclose(served["clicks"], expected, atol=1e-6)


@pytest.mark.parametrize(("policy", "row"), [("drop", None), ("oov_row", 10)])
@pytest.mark.parametrize("bad", [-7, 11, 2**40])
def test_unknown_dense_id_follows_the_policy(cases, config, policy, row, bad):
    got = looked_up(started(cases, config, policy), cases.clicks(bad, 3))
    values = cases.values()
    expected = [np.zeros(3) if row is None else values[row], values[3]]
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_dropped_id_leaves_its_position_of_a_sequence_empty(cases, kind):
    config = {"clicks": cases.feature(cases.table(), 3)}
    batch = {"clicks": cases.tensor(kind, BAD_IDS, tf.int64)}
    got = looked_up(started(cases, config, "drop"), batch)
    values, zero = cases.values(), np.zeros(3)
    expected = [[zero, values[2], zero], [values[3], zero, values[4]]]
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_dropped_id_does_not_count_in_the_mean(cases, kind):
    config = {"clicks": cases.feature(cases.table("mean"))}
    batch = {"clicks": cases.tensor(kind, BAD_IDS, tf.int64)}
    got = looked_up(started(cases, config, "drop"), batch)
    values = cases.values()
    np.testing.assert_allclose(got, [values[2], (values[3] + values[4]) / 2], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_dropped_id_is_not_touched_by_an_update(cases, kind):
    config = {"clicks": cases.feature(cases.table("sum"))}
    engine = started(cases, config, "drop")
    engine.enqueue({"clicks": cases.tensor(kind, BAD_IDS, tf.int64)})
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    expected = cases.values()
    expected[[2, 3, 4]] -= 0.5
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("combiner", ["mean", "sqrtn", "sum"])
@pytest.mark.parametrize("weight", [NAN, INF, -1.0])
def test_unusable_weight_is_refused_or_left_out(cases, kind, combiner, weight):
    if combiner == "sum" and weight == -1.0:
        pytest.skip("a negative weight is valid under sum")
    config = {"clicks": cases.feature(cases.table(combiner))}
    batch = {"clicks": cases.tensor(kind, [[1, 2], [3]], tf.int64)}
    weights = {"clicks": cases.tensor(kind, [[2.0, weight], [1.0]], tf.float32)}
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=f"'clicks'.*combiner {combiner}"
    ):
        looked_up(started(cases, config, None), batch, weights)
    values = cases.values()
    factor = 2.0 if combiner == "sum" else 1.0
    for policy in ("drop", "oov_row"):
        got = looked_up(started(cases, config, policy), batch, weights)
        np.testing.assert_allclose(got, [factor * values[1], values[3]], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("combiner", ["mean", "sqrtn", "sum"])
def test_weight_of_zero_adds_nothing(cases, kind, combiner):
    config = {"clicks": cases.feature(cases.table(combiner))}
    batch = {"clicks": cases.tensor(kind, [[1, 2], [3]], tf.int64)}
    weights = {"clicks": cases.tensor(kind, [[1.0, 0.0], [0.0]], tf.float32)}
    got = looked_up(started(cases, config, None), batch, weights)
    np.testing.assert_allclose(got, [cases.values()[1], np.zeros(3)], atol=1e-6)


@pytest.mark.parametrize("bad", [NAN, INF])
def test_gradient_that_is_not_finite_is_refused_and_can_be_mended(
    cases, config, bad, compiled
):
    engine = started(cases, config, None)
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    gradient = {"clicks": tf.constant([[1.0] * 3, [1.0, bad, 1.0]])}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"items.*NaN or inf"):
        cases.called(engine.apply_gradients, compiled, gradient)
    np.testing.assert_array_equal(cases.parameters(engine), cases.values())
    engine.apply_gradients(cases.ones())
    expected = cases.values()
    expected[[1, 2]] -= 0.5
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


@pytest.mark.parametrize("policy", ["drop", "oov_row"])
@pytest.mark.parametrize(
    "optimizer",
    [
        tpu.SGD(0.5),
        tpu.Adagrad(0.5),
        tpu.SGD(0.5, use_gradient_accumulation=False),
        tpu.Adam(0.5, lazy_adam=False),
    ],
    ids=["sgd", "adagrad", "occurrences", "all-rows"],
)
def test_row_whose_gradient_is_not_finite_is_left_as_it_was(
    cases, config, policy, optimizer
):
    engine = started(cases, config, policy, optimizer)
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.apply_gradients({"clicks": tf.constant([[1.0] * 3, [1.0, NAN, 1.0]])})
    got = cases.parameters(engine)
    np.testing.assert_array_equal(got[2], cases.values()[2])
    assert np.all(got[1] < cases.values()[1])
    assert np.all(np.isfinite(got))


def test_each_table_has_its_own_policy(cases):
    config = {name: cases.feature(cases.table("sum", name=name)) for name in "ab"}
    engine = started(cases, config, {"a": "drop"})
    good, bad = tf.constant([1, 2]), tf.constant([1, 99])
    engine.enqueue({"a": bad, "b": good}, training=False)
    np.testing.assert_array_equal(engine.dequeue()["a"][1], np.zeros(3))
    with pytest.raises(tf.errors.InvalidArgumentError, match="'b'"):
        engine.enqueue({"a": good, "b": bad}, training=False)


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ("ignore", r"'items'.*policy.*'ignore'"),
        ({"items": "keep"}, r"'items'.*policy.*'keep'"),
        ({"films": "drop"}, r"\['films'\].*\['items'\]"),
    ],
)
def test_unknown_policy_or_table_is_refused(config, policies, message):
    with pytest.raises(ValueError, match=message):
        TPUEmbedding(config, tpu.SGD(0.1), policies=policies)


@pytest.mark.parametrize("kind", ["dense", *KINDS])
def test_unchecked_feature_carries_no_assertion(cases, kind):
    feature = tpu.FeatureConfig(cases.table(), validate_weights_and_indices=False)
    table = tf.Variable(cases.values())

    @tf.function
    def look_up(ids):
        return serving_embedding_lookup(ids, None, {feature.table: table}, feature)

    ids = cases.tensor(kind, [[1], [2]], tf.int64)
    graph = look_up.get_concrete_function(ids).graph
    assert "Assert" not in {op.type for op in graph.get_operations()}
    np.testing.assert_allclose(look_up(ids), cases.values()[[1, 2]], atol=1e-6)
