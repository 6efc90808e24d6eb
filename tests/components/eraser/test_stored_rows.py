"""Rows of a checkpoint are set in its files; TensorFlow reads what is meant."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.eraser.stored_rows import set_rows
from shardline.components.eraser.swap import staged
from shardline.embedding import TPUEmbedding
from shardline.embedding.checkpoint.host_files import host_sharded_options

KEY = "table/.ATTRIBUTES/VARIABLE_VALUE"
_embedding = tf.tpu.experimental.embedding


def test_rows_of_one_piece_are_set_and_others_keep_their_bits(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    folder = tmp_path / "7"
    checkpoint = tf.train.Checkpoint(table=tf.Variable(values), step=tf.Variable(3))
    checkpoint.write(str(folder / "checkpoint"))
    wanted = {KEY: ([0, 7, 49], np.zeros(4, np.float32))}
    with staged(folder) as copy:
        changed = set_rows(str(copy / "checkpoint"), wanted)
        again = set_rows(str(copy / "checkpoint"), wanted)
        found = tf.train.load_checkpoint(str(copy / "checkpoint"))
        expected = values.copy()
        expected[[0, 7, 49]] = 0
        np.testing.assert_array_equal(found.get_tensor(KEY), expected)
        assert found.get_tensor("step/.ATTRIBUTES/VARIABLE_VALUE") == 3
    assert (changed, again) == ({KEY: 3}, {KEY: 0})
    original = tf.train.load_checkpoint(str(folder / "checkpoint"))
    np.testing.assert_array_equal(original.get_tensor(KEY), values)


@pytest.mark.parametrize("rows", [[0], [3, 4, 5], [10], [0, 5, 10]])
def test_rows_of_every_host_are_set_with_their_slots(
    tmp_path: Path, rows: list[int]
) -> None:
    table = _embedding.TableConfig(
        11,
        2,
        initializer=tf.initializers.TruncatedNormal(seed=1),
        optimizer=_embedding.Adagrad(0.1, initial_accumulator_value=0.5),
        name="user",
    )
    feature = _embedding.FeatureConfig(table=table, name="user")
    engine = TPUEmbedding({"user": feature}, None)
    engine.build(4)
    prefix = str(tmp_path / "checkpoint")
    tf.train.Checkpoint(embedding=engine).write(prefix, options=host_sharded_options())
    reader = tf.train.load_checkpoint(prefix)
    keys = [key for key in reader.get_variable_to_shape_map() if "user" in key]
    assert len(keys) == 2
    before = {key: reader.get_tensor(key) for key in keys}

    set_rows(prefix, {key: (rows, np.full(2, 9, np.float32)) for key in keys})

    after = tf.train.load_checkpoint(prefix)
    for key in keys:
        expected = before[key].copy()
        expected[rows] = 9
        np.testing.assert_array_equal(after.get_tensor(key), expected)
