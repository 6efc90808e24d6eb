"""Which tables a `tf.train.Checkpoint` has, and in which parts they are read."""

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.checkpoint import pieces
from shardline.embedding.checkpoint.warm_start.errors import WarmStartError
from shardline.embedding.checkpoint.warm_start.object_source import ObjectSource
from shardline.embedding.checkpoint.warm_start.source import SourceTable

tables = load("embedding/checkpoint/warm_start/tables.py")
HELD = {"item": (40, 3, "adam"), "a/b": (7, 2, "sgd")}


@pytest.mark.parametrize("wanted", [["item"], ["b", "a/b"]])
def test_all_tables_of_the_engine_are_told(tmp_path, wanted):
    prefix = tables.write(tables.engine_of(HELD, 3), tmp_path / "checkpoint")
    assert ObjectSource(prefix, wanted).tables == {
        "item": SourceTable(40, 3, ("momenta", "velocities")),
        "a/b": SourceTable(7, 2, ()),
    }


def test_checkpoint_without_a_table_of_the_name_is_refused(tmp_path):
    prefix = tables.write(tables.engine_of(HELD, 1), tmp_path / "checkpoint")
    with pytest.raises(WarmStartError, match=r"has none of the tables user, tag\."):
        ObjectSource(prefix, ["user", "tag"])


def test_checkpoint_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises((tf.errors.OpError, ValueError)):
        ObjectSource(str(tmp_path / "none"), ["item"])


@pytest.mark.parametrize("big_bytes", [0, 2**20])
def test_blocks_are_all_rows_in_bounded_parts(tmp_path, monkeypatch, big_bytes):
    """Pieces that TensorFlow's own classes write are read from their file."""
    plain = tf.Variable(np.random.default_rng(0).normal(size=(100, 4)), dtype="float32")
    owner = tf.Module()
    owner.item = plain
    prefix = tf.train.Checkpoint(embedding=owner).write(str(tmp_path / "checkpoint"))
    monkeypatch.setattr(pieces, "SLICE_BYTES", 4 * 16 * 16)
    monkeypatch.setattr(pieces, "BIG_PIECE_BYTES", big_bytes)

    blocks = list(ObjectSource(prefix, ["item"]).blocks("item", "parameters"))

    assert [row for block in blocks for row in block.rows] == list(range(100))
    assert len(blocks) == (7 if big_bytes == 0 else 1)
    read = tf.concat([block.read() for block in blocks], axis=0)
    np.testing.assert_array_equal(read, plain)
