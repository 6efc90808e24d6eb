"""Pieces of files here are read past TensorFlow, and what is wrong is found."""

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.checkpoint.index import stored_rows
from shardline.embedding.checkpoint.warm_start import near_reading
from shardline.embedding.checkpoint.warm_start.near_reading import (
    NearReader,
    can_read_near,
)
from shardline.embedding.checkpoint.warm_start.object_source import ObjectSource
from shardline.embedding.checkpoint.warm_start.row_map import same_rows
from shardline.embedding.checkpoint.warm_start.starting import warm_start

tables = load("embedding/checkpoint/warm_start/tables.py")
pytestmark = pytest.mark.usefixtures("native_kernels")
KEY = "embedding/item/.ATTRIBUTES/VARIABLE_VALUE"


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of a table, and its prefix."""
    engine = tables.engine_of({"item": (100, 3, "adagrad")}, 3)
    tables.fill(engine, 3)
    return engine, tables.write(engine, tmp_path / "checkpoint")


def test_hosts_of_this_process_are_near():
    assert can_read_near(["/job:localhost/replica:0/task:0/device:CPU:1"])
    assert not can_read_near(["/job:worker/replica:0/task:0/device:CPU:0"])


@pytest.mark.parametrize("taken_bytes", [1, 5 * 12, 2**20])
def test_rows_are_written_where_they_belong(saved, monkeypatch, taken_bytes):
    monkeypatch.setattr(near_reading, "_TAKEN_BYTES", taken_bytes)
    engine, prefix = saved
    before = tables.content(engine)["item"]["parameters"]
    reader = NearReader()
    with tf.device("/CPU:2"):
        shard = tf.Variable(tf.zeros([200, 3]))
    for piece in stored_rows(prefix, KEY):
        rows = reader.rows(piece)
        positions = np.arange(0, len(rows), 3)
        reader.write(shard, rows, positions, 199 - piece.first - positions)

    written = shard.numpy()
    wanted = [
        i
        for first in (0, 34, 67)
        for i in range(first, {0: 34, 34: 67}.get(first, 100), 3)
    ]
    for row in range(100):
        expected = before[row] if row in wanted else np.zeros(3, np.float32)
        np.testing.assert_array_equal(written[199 - row], expected)


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_what_is_not_as_it_was_written_is_an_error(saved, damage):
    _, prefix = saved
    piece = stored_rows(prefix, KEY)[1]
    with open(piece.path, "r+b") as file:
        content = bytearray(file.read())
        content[piece.offset + 5] ^= 1
        file.seek(0)
        file.write(content)
        if damage == "cut":
            file.truncate(piece.offset + 3)
    if damage == "gone":
        tf.io.gfile.remove(piece.path)
    assert NearReader().rows(piece) is None
    engine = tables.engine_of({"item": (100, 3, "adagrad")}, 2)
    with pytest.raises((tf.errors.OpError, ValueError)):
        warm_start(
            engine, ObjectSource(prefix, ["item"]), {"item": same_rows(100, 100)}
        )


@pytest.mark.parametrize("hosts", [1, 3])
def test_both_ways_of_reading_give_the_same(saved, monkeypatch, hosts):
    _, prefix = saved
    found = []
    for is_near in (True, False):
        engine = tables.engine_of({"item": (120, 3, "adagrad")}, hosts)
        with monkeypatch.context() as patch:
            if not is_near:
                patch.setattr(NearReader, "rows", lambda *_: None)
            maps = {"item": same_rows(120, 100)}
            warm_start(engine, ObjectSource(prefix, ["item"]), maps)
        found.append(tables.content(engine)["item"])
    tables.assert_same(*found)
