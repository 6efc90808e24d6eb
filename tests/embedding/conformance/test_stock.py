"""TensorFlow's classes read what the engine wrote, and write what it reads."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.conformance.golden import read_groups
from shardline.embedding.conformance.stock import StockTables, served_activations
from shardline.embedding.conformance.time_limit import TimeLimit
from shardline.embedding.conformance.training import Trial

CASES = read_groups(["checkpoints"])[0].cases


@pytest.fixture
def saved(on_hosts, tmp_path):
    """An engine after a step, its state, and the prefix of its checkpoint."""
    trial = Trial(on_hosts(3), CASES, TimeLimit())
    trial.train(0)
    checkpoint = tf.train.Checkpoint(embedding=trial.engine)
    return trial, trial.state(), checkpoint.write(str(tmp_path / "ours"))


def assert_same(found, expected):
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)


def test_stock_tables_hold_what_was_saved_and_write_it_again(saved, tmp_path):
    _, state, prefix = saved
    stock = StockTables(CASES, prefix)
    assert_same(stock.state(), state)
    again = StockTables(CASES, stock.write(str(tmp_path / "theirs")))
    assert_same(again.state(), state)


def test_checkpoint_of_other_tables_is_an_error(saved):
    *_, prefix = saved
    with pytest.raises(AssertionError):
        StockTables(CASES[:1], prefix)


def test_both_serving_lookups_answer_as_the_engine(saved):
    trial, state, prefix = saved
    (expected,) = trial.activations(1)
    assert_same(served_activations(CASES, 1, state, 3), expected)
    by_stock = StockTables(CASES, prefix).activations(1)
    tf.nest.map_structure(
        lambda found, wanted: np.testing.assert_allclose(found, wanted, 1e-6, 1e-6),
        by_stock,
        expected,
    )
