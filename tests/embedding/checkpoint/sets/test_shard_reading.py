"""Rows read straight into shards are those that the other way reads."""

from pathlib import Path

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import configure_logical_hosts
from shardline.embedding.checkpoint.sets import restore, shard_reading
from shardline.embedding.checkpoint.sets.reader import SetDamagedError, SetReader
from shardline.embedding.checkpoint.sets.saver import SetSaver

training = load("embedding/checkpoint/sets/training.py")

pytestmark = pytest.mark.usefixtures("native_kernels")


@pytest.fixture
def saved(folder):
    """A full set of two hosts, and what it holds."""
    small = training.SmallTraining(2)
    small.train(3)
    with SetSaver(folder.path, small.engine, lineage=training.LINEAGE) as saver:
        saver.save(small.step, small.variables, {})
        saver.wait()
    return folder.sets()[-1], small.content()


@pytest.mark.parametrize("natively", [True, False])
@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_both_ways_read_the_same(folder, saved, natively, hosts, monkeypatch):
    monkeypatch.setattr(restore, "can_read", lambda devices: natively)
    back = training.restored(folder, saved[0], hosts)
    training.assert_same(back.content(), saved[1])


def test_a_damaged_piece_is_named_with_file_table_and_rows(saved):
    reader = SetReader(saved[0])
    *_, piece = reader.pieces("wide", "parameters")
    content = bytearray(Path(piece.path).read_bytes())
    content[piece.offset + 100] ^= 4
    Path(piece.path).write_bytes(content)
    small = training.SmallTraining(1)
    variables = {
        name: variable.variables[0]
        for name, variable in small.engine._variables["wide"].items()
    }
    named = r"tables\.data-00001-of-00002: rows 1000 to 1999 of 'wide' \(parameters\)"
    with pytest.raises(SetDamagedError, match=named):
        shard_reading.read_shard(reader, "wide", variables, 0, 2000)


def test_a_host_that_does_not_see_the_files_is_told_from_damage(saved, monkeypatch):
    class Ops:
        def shardline_read_shard(self, **_):
            raise tf.errors.DataLossError(None, None, "Cannot open: No such file")

    monkeypatch.setattr(shard_reading, "usable_ops", Ops)
    variables = {"parameters": tf.Variable(tf.zeros([2000, 8]))}
    with pytest.raises(RuntimeError, match=r"does not see .*must lie on a file system"):
        shard_reading.read_shard(SetReader(saved[0]), "wide", variables, 0, 2000)


def test_hosts_without_the_kernels_read_the_other_way(monkeypatch):
    devices = configure_logical_hosts(3)
    assert shard_reading.can_read(devices)
    monkeypatch.setattr(shard_reading, "runs_on", lambda device: device != devices[2])
    assert not shard_reading.can_read(devices)
    monkeypatch.setattr(shard_reading, "usable_ops", lambda: None)
    assert not shard_reading.can_read([])
