"""Trackers live on the host of their rows for as long as their owner does."""

import contextlib
import gc

import pytest
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from shardline.embedding.host.row_trackers import RowTrackers, TrackedShard
from shardline.embedding.native.build import compiler
from shardline.embedding.native.library import missing_reason, native_ops
from shardline.embedding.tables.host_table import Shard

pytestmark = pytest.mark.skipif(compiler() is None, reason=missing_reason())


def trackers(device="/CPU:1"):
    with tf.device(device):
        variables = [tf.Variable(tf.zeros([7, 3])) for _ in range(2)]
    shard = Shard(device, variables[0], (variables[1],))
    return RowTrackers(device, [TrackedShard("items", ["s"], 5, shard)], native_ops())


def in_graph():
    return tf.Graph().as_default()


def in_function():
    return FuncGraph("function").as_default()


def test_tracker_is_a_resource_of_the_host(tmp_path):
    made = trackers()
    assert [handle.device[-5:] for handle in made.handles] == ["CPU:1"]
    assert made.touched_rows() == {"items": 7}


def test_pieces_have_the_names_and_rows_of_the_table(tmp_path):
    made = trackers()
    made.begin_cut(False, str(tmp_path))
    found = made.write(str(tmp_path / "shard"))
    assert [(p.table, p.tensor, p.first, p.count) for p in found] == [
        ("items", "parameters", 5, 7),
        ("items", "s", 5, 7),
    ]
    made.end_cut(True)
    made.set_touched(True)
    made.begin_cut(True, str(tmp_path))
    found = made.write(str(tmp_path / "shard"))
    assert [(p.tensor, p.first, p.count) for p in found] == [
        ("rows", 0, 7),
        ("parameters", 0, 7),
        ("s", 0, 7),
    ]


def test_relative_paths_are_those_of_this_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = trackers()
    made.begin_cut(False, ".")
    made.write("shard")
    assert (tmp_path / "shard").stat().st_size == 2 * 7 * 3 * 4


@pytest.mark.parametrize("around", [contextlib.nullcontext, in_graph, in_function])
def test_tracker_goes_with_its_owner(tmp_path, around):
    made = trackers()
    made.begin_cut(False, str(tmp_path))
    made.write(str(tmp_path / "shard"))
    handles = made.handles
    with around():
        del made
        gc.collect()
    with tf.device("/CPU:1"), pytest.raises(tf.errors.NotFoundError):
        native_ops().shardline_touched_rows(handles)
