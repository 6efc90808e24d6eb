"""Weights of any size give the coefficients of the formula, everywhere the same."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding, serving_embedding_lookup
from shardline.embedding.native.library import CHOICE
from shardline.embedding.serving.tables import ServingTable, encoded
from shardline.embedding.tables import partition

tpu = tf.tpu.experimental.embedding
cases = load(Path(__file__).parents[1] / "cases.py")

LARGEST = 3e38
DENORMAL = 1e-40
SMALLEST = 1.4e-45
# The weights of each example; all are float32.
EXAMPLES = [
    [1e-30],
    [1e20],
    [LARGEST, LARGEST],
    [DENORMAL, 3 * DENORMAL],
    [SMALLEST],
    [SMALLEST, 1e-38, 0.0],
    [1e-30, 1e20, 3e20],
    [LARGEST, SMALLEST],
    [1e-20, 2e-20, 3e-20],
    [2e-14, 3e-14],  # around 2^-45
    [1.7e13, 1.8e13],  # around 2^44
    [0.0, 0.0],
    [],
    [0.3, 0.7, 1.9],
    [2.5] * 5 + [1e-30],
]
SIZES = [len(example) for example in EXAMPLES]
ORDINARY = EXAMPLES.index([0.3, 0.7, 1.9])
QUANTIZED = tpu.QuantizationConfig(9, -0.7, 1.1)


def ids_of(sizes):
    rng = np.random.default_rng(3)
    return [[int(row) for row in rng.integers(0, cases.ROWS, size)] for size in sizes]


def float32(examples):
    """Returns the weights as they are once they are float32, as float64."""
    return [[float(np.float32(weight)) for weight in own] for own in examples]


def engine_of(combiner, hosts, **options):
    """Returns an engine of the one feature "clicks", and its configuration."""
    config = {"clicks": cases.feature(cases.table(combiner, **options))}
    return config, cases.start(config, tpu.SGD(0.5), hosts, len(EXAMPLES))


def tensors(kind, ids, weights):
    return (
        {"clicks": cases.tensor(kind, ids, tf.int64)},
        {"clicks": cases.tensor(kind, weights, tf.float32)},
    )


@pytest.mark.parametrize("kind", ["ragged", "sparse"])
@pytest.mark.parametrize("combiner", ["mean", "sqrtn"])
@pytest.mark.parametrize("hosts", [1, 3])
def test_lookup_and_update_follow_the_formula(kernels, oracle, hosts, combiner, kind):
    _, engine = engine_of(combiner, hosts)
    ids = ids_of(SIZES)
    engine.enqueue(*tensors(kind, ids, EXAMPLES))
    got = engine.dequeue()["clicks"]
    lookup = oracle.Lookup(ids, combiner, float32(EXAMPLES))
    expected = lookup.activations(cases.values())
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
    # What has a weight is not answered by zeros.
    weighs = np.array([sum(example) > 0 for example in EXAMPLES])
    assert (np.abs(got).sum(axis=1) > 0).tolist() == weighs.tolist()

    gradient = np.random.default_rng(5).normal(size=got.shape).astype(np.float32)
    engine.apply_gradients({"clicks": tf.constant(gradient)})
    table = oracle.Table(cases.values(), oracle.SGD(0.5))
    table.step([(lookup, gradient)])
    np.testing.assert_allclose(
        cases.parameters(engine), table.values, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("quantized", [False, True], ids=["plain", "quantized"])
@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("hosts", [1, 3])
def test_serving_has_the_bits_of_training(monkeypatch, hosts, combiner, quantized):
    options = {"quantization_config": QUANTIZED} if quantized else {}
    ids, weights = tensors("ragged", ids_of(SIZES), EXAMPLES)
    answers = {}
    for choice in ("native", "stock"):
        monkeypatch.setenv(CHOICE, choice)
        config, engine = engine_of(combiner, hosts, **options)
        engine.enqueue(ids, weights, training=False)
        answers[choice] = engine.dequeue()["clicks"]
    starts = partition.first_rows(cases.ROWS, hosts)
    held = ServingTable(cases.DIM, starts)
    for name, values in encoded("float32", cases.values()).items():
        held.parts[name].assign(values)
    tables = {
        "shards": engine.embedding_tables,
        "served": {config["clicks"].table: held},
    }
    for name, of_config in tables.items():
        answers[name] = serving_embedding_lookup(ids, weights, of_config, config)[
            "clicks"
        ]
        answers[f"{name} in a graph"] = tf.function(
            lambda ids, weights, of_config=of_config: serving_embedding_lookup(
                ids, weights, of_config, config
            )["clicks"],
            input_signature=[
                {"clicks": tf.RaggedTensorSpec([None, None], tf.int64)},
                {"clicks": tf.RaggedTensorSpec([None, None], tf.float32)},
            ],
        )(ids, weights)
    for name, answer in answers.items():
        np.testing.assert_array_equal(answer, answers["native"], name)


@pytest.mark.parametrize("combiner", ["mean", "sqrtn"])
def test_ordinary_weights_keep_their_bits_beside_extreme_ones(kernels, combiner):
    """The formula in float32, and the same whatever else is in the batch."""
    ids = ids_of(SIZES)
    found = []
    for others in (EXAMPLES, [[1.0] * size for size in SIZES]):
        _, engine = engine_of(combiner, 1)
        weights = [*others[:ORDINARY], EXAMPLES[ORDINARY], *others[ORDINARY + 1 :]]
        engine.enqueue(*tensors("ragged", ids, weights), training=False)
        found.append(engine.dequeue()["clicks"][ORDINARY])
    np.testing.assert_array_equal(*found)
    weights = np.array(EXAMPLES[ORDINARY], np.float32)
    norm = np.float32(0)
    for weight in weights:
        norm += weight if combiner == "mean" else weight * weight
    coefficients = weights / (norm if combiner == "mean" else np.sqrt(norm))
    expected = np.zeros(cases.DIM, np.float32)
    for row, coefficient in zip(ids[ORDINARY], coefficients, strict=True):
        expected += coefficient * cases.values()[row]
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize("combiner", ["mean", "sqrtn"])
def test_a_power_of_two_changes_no_bit(kernels, combiner):
    """From where squares would be denormal to where they would be infinite."""
    rng = np.random.default_rng(11)
    ids = ids_of([4] * len(EXAMPLES))
    weights = rng.uniform(0.5, 1, (len(EXAMPLES), 4)).astype(np.float32)
    _, engine = engine_of(combiner, 2)
    answers = []
    for exponent in (0, -100, -64, -46, -45, -44, 43, 44, 45, 63, 64, 120):
        scaled = weights * np.float32(2.0**exponent)
        engine.enqueue(*tensors("ragged", ids, scaled.tolist()), training=False)
        answers.append(engine.dequeue()["clicks"].numpy())
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


@pytest.mark.parametrize("word", ["drop", "oov_row"])
@pytest.mark.parametrize("combiner", cases.COMBINERS)
def test_what_a_policy_leaves_out_does_not_count(kernels, oracle, combiner, word):
    weights = [[1e-30, np.inf], [-1e20, 1e20], [np.nan, 1e-42], [-1e-42], [2e38, -1.0]]
    ids = ids_of(map(len, weights))
    config = {"clicks": cases.feature(cases.table(combiner))}
    engine = TPUEmbedding(config, None, hosts=cases.hosts(2), policies=word)
    engine.build(len(weights))
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values())
    given = tensors("ragged", ids, weights)
    engine.enqueue(*given, training=False)
    lookup = oracle.Lookup(ids, combiner, float32(weights))
    policy = oracle.Policy(cases.ROWS, word)
    expected = lookup.activations(cases.values(), policy)
    served = serving_embedding_lookup(*given, engine.embedding_tables, config, word)
    for got in (engine.dequeue()["clicks"], served["clicks"]):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("weight", [-1e-42, -1e20, np.inf, np.nan])
@pytest.mark.parametrize("combiner", ["mean", "sqrtn"])
def test_error_refuses_in_words(kernels, combiner, weight):
    config, engine = engine_of(combiner, 2)
    weights = [[weight], *([1.0] * size for size in SIZES[1:])]
    given = tensors("ragged", ids_of(SIZES), weights)
    message = f"Feature 'clicks': weights under the combiner {combiner} must be finite"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        engine.enqueue(*given, training=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        serving_embedding_lookup(*given, engine.embedding_tables, config)


@pytest.mark.parametrize("combiner", ["mean", "sqrtn"])
def test_weights_that_the_caller_vouches_for_cancel(kernels, combiner):
    """A mean of weights that sum to 0 has no value: zeros, as documented."""
    table = cases.table(combiner)
    config = {
        "clicks": tpu.FeatureConfig(table=table, validate_weights_and_indices=False)
    }
    engine = cases.start(config, None, 2, 3)
    weights = [[1e30, -1e30], [1e-30, -3e-30], [-1e-42]]
    ids = [[1, 2], [3, 4], [5]]
    given = tensors("ragged", ids, weights)
    engine.enqueue(*given, training=False)
    got = engine.dequeue()["clicks"]
    np.testing.assert_array_equal(
        got, serving_embedding_lookup(*given, engine.embedding_tables, config)["clicks"]
    )
    rows = cases.values().astype(np.float64)
    root = np.sqrt(2)
    expected = {
        "mean": [0 * rows[1], -0.5 * rows[3] + 1.5 * rows[4], rows[5]],
        "sqrtn": [
            (rows[1] - rows[2]) / root,
            (rows[3] - 3 * rows[4]) / np.sqrt(10),
            -rows[5],
        ],
    }[combiner]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
