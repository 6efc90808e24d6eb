"""Served tables answer as the engine does, and in every precision as their rows say."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding, serving_embedding_lookup
from shardline.embedding.serving.tables import (
    ServingTable,
    decoded,
    encoded,
    part_specs,
)
from shardline.embedding.tables import partition

tpu = tf.tpu.experimental.embedding
# No fixture: parameters need it at once.
cases = load("embedding/cases.py")

PRECISIONS = ["float32", "float16", "int8"]
WORDS = ["error", "drop", "oov_row"]
INPUTS = {str(case): case for case in cases.CASES + cases.SHAPED}
QUANTIZED = tpu.QuantizationConfig(9, -0.7, 1.1)


def held(config, rows, precision="float32", hosts=1):
    """Returns a served table of rows."""
    starts = partition.first_rows(config.vocabulary_size, hosts)
    table = ServingTable(config.dim, starts, precision)
    for name, values in encoded(precision, rows).items():
        table.parts[name].assign(values)
    return table


def request(word, seed=7):
    """Draws a batch for every kind of input: by name ids, weights, and the batches."""
    drawn, ids, weights = {}, {}, {}
    for name, case in INPUTS.items():
        (batch,) = cases.batches(case, steps=1, seed=seed)
        if word != "error":
            batch = cases.spoiled(batch, "ids", seed)
            if case.weighted and np.prod(case.shape) == cases.BATCH:
                batch = cases.spoiled(batch, "weights", seed)
        drawn[name] = batch
        ids[name], weights[name] = cases.inputs(case, batch)
    return drawn, ids, weights


@functools.cache
def trained(word, hosts, quantized):
    """Returns what an engine of every kind of input holds, and answers to a request."""
    options = {"quantization_config": QUANTIZED} if quantized else {}
    features = {n: cases.pair(case, n, **options) for n, case in INPUTS.items()}
    devices = [cases.hosts(3)[host % 3] for host in range(hosts)]
    engine = TPUEmbedding(features, hosts=devices, policies=word)
    engine.build()
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values())
    drawn, ids, weights = request(word)
    engine.enqueue(ids, weights, training=False)
    return features, drawn, (ids, weights), engine.dequeue()


def served(word, hosts, precision, quantized=False, names=None):
    """Returns what served tables answer to the same request; of `names`, in a graph."""
    features, _, arguments, _ = trained(word, hosts, quantized)
    configs = {pair["left"].table for pair in features.values()}
    tables = {
        config: held(config, cases.values(), precision, hosts) for config in configs
    }

    def serve(ids, weights):
        return serving_embedding_lookup(ids, weights, tables, features, word)

    if names is None:
        return serve(*arguments)
    some = [{name: nest[name] for name in names} for nest in arguments]
    graph = tf.function(serve, autograph=False).get_concrete_function(
        *(cases.specs(nest, batch_size=None) for nest in some)
    )
    return graph(*some)


@pytest.mark.parametrize("quantized", [False, True], ids=["plain", "quantized"])
@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize("word", WORDS)
def test_float32_equals_the_engine(word, hosts, quantized):
    *_, expected = trained(word, hosts, quantized)
    got = served(word, hosts, "float32", quantized)
    for name, sides in expected.items():
        for side, value in sides.items():
            np.testing.assert_array_equal(got[name][side], value, f"{name} {side}")


def test_float32_equals_the_engine_in_a_graph():
    """Its shapes unknown, optimised as a server's: 1 / sqrt is no rsqrt there.

    And sums over many hosts are not added up in another order.
    """
    names = [name for name in INPUTS if name.startswith(("dense", "ragged"))]
    *_, expected = trained("error", 5, False)
    got = served("error", 5, "float32", names=names)
    for name in names:
        for side, value in expected[name].items():
            np.testing.assert_array_equal(got[name][side], value, f"{name} {side}")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("word", WORDS)
def test_answers_are_those_of_the_decoded_rows(oracle, word, precision):
    hosts = 1 if word == "error" else 3
    _, drawn, *_ = trained(word, hosts, False)
    rows = decoded(precision, encoded(precision, cases.values()))
    policy = oracle.Policy(cases.ROWS, word)
    got = served(word, hosts, precision)
    for name, batch in drawn.items():
        for side, item in batch.items():
            lookup = INPUTS[name].lookup(oracle, item)
            expected = lookup.activations(rows, policy)
            value = got[name][side]
            np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("name", ["ragged-mean", "sparse-sqrtn-weighted", "dense-sum"])
def test_int8_is_off_by_half_a_scale_times_the_coefficients(oracle, name):
    _, drawn, *_ = trained("error", 1, False)
    scales = encoded("int8", cases.values())["scales"]
    got = served("error", 1, "int8")[name]
    for side, item in drawn[name].items():
        lookup = INPUTS[name].lookup(oracle, item)
        bound = np.zeros((cases.BATCH, 1))
        for (example,), row, coefficient in lookup.terms():
            bound[example] += abs(coefficient) * scales[row] / 2
        off = np.abs(got[side] - lookup.activations(cases.values()))
        assert (off <= bound * (1 + 1e-5) + 1e-6).all()


@pytest.mark.parametrize("hosts", [1, 2, 3, 11])
@pytest.mark.parametrize("dim", [1, 16, 64])
@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
def test_long_bags_equal_the_engine(combiner, dim, hosts):
    """Many ids in an example and many columns: sums in the hosts' order."""
    if hosts == 11 and combiner != "mean":
        pytest.skip("as the others")
    table = cases.table(combiner, rows=200, dim=dim)
    features = {"clicks": cases.feature(table)}
    engine = TPUEmbedding(features, hosts=[cases.hosts(3)[h % 3] for h in range(hosts)])
    engine.build(16)
    rows = cases.values(200, dim)
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, rows)
    rng = np.random.default_rng(1)
    sizes = rng.integers(0, 200, 16)
    ids = [rng.integers(0, 200, size).tolist() for size in sizes]
    weights = [rng.uniform(0.1, 3, size).tolist() for size in sizes]
    tables = {table: held(table, rows, hosts=hosts)}
    ids = {"clicks": cases.tensor("ragged", ids, tf.int64)}
    for own in (None, {"clicks": cases.tensor("ragged", weights, tf.float32)}):
        engine.enqueue(ids, own, training=False)
        got = serving_embedding_lookup(ids, own, tables, features)
        np.testing.assert_array_equal(got["clicks"], engine.dequeue()["clicks"])


@pytest.fixture
def clicks():
    """A sequence, a bag and a single id of one table."""
    table = cases.table()
    return {
        "one": cases.feature(table),
        "bag": cases.feature(table),
        "sequence": cases.feature(table, length=2),
    }


def asked(one, bag, sequence):
    """Returns a request to `clicks`."""
    return {
        "one": tf.constant(one, tf.int64),
        "bag": cases.tensor("ragged", bag, tf.int64),
        "sequence": cases.tensor("ragged", sequence, tf.int64),
    }


@pytest.mark.parametrize("precision", PRECISIONS)
def test_features_have_batches_of_their_own(clicks, precision):
    """To ask for one feature, the others get no examples."""
    table = clicks["one"].table
    tables = {table: held(table, cases.values(), precision, hosts=3)}
    rows = decoded(precision, encoded(precision, cases.values()))
    ids = asked([], [[1, 2], [], [3]], [[4]])
    got = serving_embedding_lookup(ids, None, tables, clicks)
    assert got["one"].shape == [0, cases.DIM]
    bags = [rows[[1, 2]].mean(axis=0), np.zeros(3), rows[3]]
    np.testing.assert_allclose(got["bag"], bags, rtol=0, atol=1e-6)
    places = [[rows[4], np.zeros(3)]]
    np.testing.assert_allclose(got["sequence"], places, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("row", "column"), [(-3, 0), (11, 0), (2**40, 1)])
@pytest.mark.parametrize("feature", ["one", "bag", "sequence"])
def test_id_outside_its_table_is_refused_by_name(
    clicks, compiled, feature, row, column
):
    table = clicks["one"].table
    tables = {table: held(table, cases.values())}
    ids = [[1, 2], [3, 4, 5]]
    # Of a sequence, past its end too.
    ids[1][column] = row
    given = {"one": [1, 2], "bag": [[1]], "sequence": [[2]]}
    given[feature] = [ids[1][0], row] if feature == "one" else ids

    def serve(request):
        return serving_embedding_lookup(request, None, tables, clicks)

    low, high = min(row, 1), max(row, 5)
    found = rf"{feature}\W+: ids of table \W+items\W+ must lie in \[0, 11\)"
    span = "" if feature == "one" else rf".*{low}.*{high}"
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"(?s){found}{span}"):
        cases.called(serve, compiled, asked(**given))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("combiner", ["sum", "mean"])
def test_weight_of_no_use_is_refused_by_name(compiled, combiner, weight):
    table = cases.table(combiner)
    features = {"few": cases.feature(table), "many": cases.feature(table)}
    tables = {table: held(table, cases.values())}
    ids = cases.tensor("ragged", [[1], [2, 3]], tf.int64)
    weights = [
        tf.RaggedTensor.from_row_splits(tf.constant(w, tf.float32), ids.row_splits)
        for w in ([1, 0, 2], [1, weight, 2])
    ]

    def serve(few, many):
        nest = {"few": few, "many": many}
        return serving_embedding_lookup(
            {"few": ids, "many": ids}, nest, tables, features
        )

    if combiner == "sum" and weight == -1:
        cases.called(serve, compiled, *weights)
        return
    message = rf"many\W+: weights under the combiner {combiner} must be finite.*policy"
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){message}"):
        cases.called(serve, compiled, *weights)


@pytest.mark.parametrize("lengths", [[2, 1], [1, 1, 1], [1]])
def test_weights_at_other_positions_are_refused(clicks, compiled, lengths):
    table = clicks["one"].table
    tables = {table: held(table, cases.values())}
    features = {"bag": clicks["bag"]}
    ids = {"bag": cases.tensor("ragged", [[1], [2, 3]], tf.int64)}
    rows = [[1.0] * length for length in lengths]
    weights = {"bag": cases.tensor("ragged", rows, tf.float32)}

    def serve(ids, weights):
        return serving_embedding_lookup(ids, weights, tables, features)

    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"bag\W+: weights must stand at the same"
    ):
        cases.called(serve, compiled, ids, weights)


def test_rows_left_unchecked_are_never_read_outside_of_the_table(compiled):
    feature = tpu.FeatureConfig(cases.table(), validate_weights_and_indices=False)
    tables = {feature.table: held(feature.table, cases.values())}
    ids = cases.tensor("ragged", [[1], [11]], tf.int64)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"is not in|out of bounds",
    ):
        cases.called(
            lambda given: serving_embedding_lookup(given, None, tables, feature),
            compiled,
            ids,
        )


def test_a_table_without_rows_answers_requests_without_ids(clicks):
    table = clicks["one"].table
    tables = {table: ServingTable(table.dim, [0])}
    got = serving_embedding_lookup(asked([], [[], []], [[]]), None, tables, clicks)
    np.testing.assert_array_equal(got["bag"], np.zeros([2, 3]))
    np.testing.assert_array_equal(got["sequence"], np.zeros([1, 2, 3]))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_saved_tables_take_the_rows_they_are_given(clicks, tmp_path, precision):
    """The graph is traced with no rows; the variables' files may hold any number."""
    table = clicks["one"].table
    model = tf.Module()
    model.table = held(table, cases.values(), precision)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, "one")])
    def serve(one):
        tables = {table: model.table}
        return serving_embedding_lookup({"one": one}, None, tables, clicks)

    tf.saved_model.save(model, tmp_path, signatures=serve)
    loaded = tf.saved_model.load(tmp_path).signatures["serving_default"]
    rows = decoded(precision, encoded(precision, cases.values()))
    got = loaded(one=tf.constant([3, 10], tf.int64))["one"]
    np.testing.assert_allclose(got, rows[[3, 10]], rtol=0, atol=1e-7)
    assert got.shape == [2, cases.DIM]


def test_int8_takes_three_tenths_of_the_bytes():
    sizes = {
        precision: sum(
            int(np.prod(shape)) * dtype.size
            for shape, dtype in part_specs(precision, 64).values()
        )
        for precision in PRECISIONS
    }
    assert sizes == {"float32": 256, "float16": 128, "int8": 68}
    assert sizes["int8"] <= 0.3 * sizes["float32"]


def test_int8_rows_round_to_half_a_scale():
    rows = np.random.default_rng(3).normal(size=(50, 16)).astype(np.float32)
    parts = encoded("int8", rows)
    assert parts["rows"].dtype == np.int8
    assert np.abs(parts["rows"]).max(axis=1).tolist() == [127] * 50
    off = np.abs(decoded("int8", parts) - rows).max(axis=1)
    assert (off <= parts["scales"] * (0.5 + 1e-5)).all()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    "row",
    [[0, 0, 0], [0, 0, -3], [1e4, 1e-4, -1], [2.66e-43, 0, 0], [1e-6, -1e-6, 5e-7]],
    ids=["zeros", "one value", "one huge value", "a tiny value", "small"],
)
def test_rows_of_any_size_are_held(precision, row):
    rows = np.array([row, row], np.float32)
    parts = encoded(precision, rows)
    got = decoded(precision, parts)
    assert np.isfinite(got).all()
    allowed = {
        "float32": 0,
        "float16": np.abs(rows).max() * 2.0**-11 + 2.0**-25,
        "int8": np.abs(rows).max() / 127 * 0.5 * (1 + 1e-5) + 2.0**-142,
    }[precision]
    assert np.abs(got - rows).max() <= allowed


def test_no_rows_are_held():
    for precision in PRECISIONS:
        parts = encoded(precision, np.zeros([0, 4], np.float32))
        assert {name: len(part) for name, part in parts.items()} == dict.fromkeys(
            part_specs(precision, 4), 0
        )
        assert decoded(precision, parts).shape == (0, 4)
