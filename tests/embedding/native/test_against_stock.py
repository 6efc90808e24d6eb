"""Native kernels and stock ops, side by side: the same numbers to 1e-6."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding, serving_embedding_lookup
from shardline.embedding.native.library import CHOICE

matrix = load(Path(__file__).parents[1] / "test_oracle_matrix.py")
grid = load("embedding/oracle_grid.py")
cases = matrix.cases
tpu = tf.tpu.experimental.embedding
pytestmark = pytest.mark.usefixtures("ops")

SEED = 21
SOME = ["ragged-mean-weighted", "sparse-sqrtn-weighted"]
RULES = {
    1: [rule for rule in grid.RULES if "rates" not in rule],
    2: ["SGD-clip", "Adagrad-clip-decay", "Adam-all-rows", "FTRL-regularized"],
    3: [*grid.PLAIN, "SGD-one-by-one", "AdagradMomentum-nesterov-clip-decay"],
}


def both(monkeypatch, train):
    """Returns what a program gives with native kernels and with stock ops."""
    found = []
    for choice in ("native", "stock"):
        monkeypatch.setenv(CHOICE, choice)
        found.append(train())
    return found


def assert_same(native, stock):
    """Asserts that two results by rule are the same to a millionth."""
    assert native.keys() == stock.keys()
    for rule, mine in native.items():
        theirs = stock[rule]
        for step, (got, expected) in enumerate(
            zip(mine.activations, theirs.activations, strict=True)
        ):
            matrix.assert_close(got, expected, 1e-6, f"in step {step} of {rule}")
        matrix.assert_close(mine.state, theirs.state, 1e-6, f"of {rule}", rule)


@pytest.mark.parametrize("host_count", RULES)
def test_training_is_the_same(monkeypatch, host_count):
    pairs = {
        rule: matrix.pair_of(SOME[number % 2], rule, SEED)
        for number, rule in enumerate(RULES[host_count])
    }
    assert_same(*both(monkeypatch, lambda: matrix.train(pairs, host_count)))


def test_pipelined_training_is_the_same(monkeypatch):
    pairs = {rule: matrix.pair_of(SOME[0], rule, SEED) for rule in grid.PLAIN}
    options = {"pipeline_execution_with_tensor_core": True}
    assert_same(*both(monkeypatch, lambda: matrix.train(pairs, 3, **options)))


def test_training_of_replicas_is_the_same(monkeypatch):
    replicas = [
        {rule: matrix.pair_of(SOME[1], rule, seed) for rule in grid.REPLICATED}
        for seed in (SEED, SEED + 1)
    ]
    native, stock = both(monkeypatch, lambda: matrix.train_replicas(replicas, 2))
    for mine, theirs in zip(native, stock, strict=True):
        assert_same(mine, theirs)


def test_policies_do_the_same(monkeypatch):
    pairs, policies = {}, {}
    for fault in cases.UNUSABLE:
        for word in ("drop", "oov_row"):
            for rule in ("Adagrad", "SGD-one-by-one"):
                pair = matrix.spoiled_pair(SOME[0], rule, fault)
                pairs[f"{rule}-{fault}-{word}"] = pair
                policies[f"{rule}-{fault}-{word}"] = word
    assert_same(*both(monkeypatch, lambda: matrix.train(pairs, 2, policies=policies)))


def random_ids(rng, rows):
    """Returns ragged ids and weights of examples of 0 to 30 ids."""
    splits = np.concatenate([[0], np.cumsum(rng.integers(0, 30, 50))])
    ids = rng.integers(0, rows, splits[-1])
    weights = rng.uniform(0, 2, splits[-1]).astype(np.float32)
    return (
        tf.RaggedTensor.from_row_splits(ids, splits),
        tf.RaggedTensor.from_row_splits(weights, splits),
    )


@pytest.mark.parametrize("combiner", cases.COMBINERS)
@pytest.mark.parametrize("dim", [1, 16, 67])
def test_activations_of_one_host_have_the_same_bits(monkeypatch, combiner, dim):
    rng = np.random.default_rng(dim)
    config = {"clicks": cases.feature(cases.table(combiner, rows=500, dim=dim))}
    ids, weights = random_ids(rng, 500)

    def look_up():
        engine = TPUEmbedding(config, None, hosts=cases.hosts(1))
        engine.build(50)
        for sharded in engine.embedding_tables.values():
            cases.assign(sharded, cases.values(500, dim))
        engine.enqueue({"clicks": ids}, {"clicks": weights}, training=False)
        served = serving_embedding_lookup(
            {"clicks": ids}, {"clicks": weights}, engine.embedding_tables, config
        )
        return engine.dequeue()["clicks"], served["clicks"]

    (native, served), (stock, _) = both(monkeypatch, look_up)
    np.testing.assert_array_equal(native, stock)
    np.testing.assert_array_equal(native, served)
