"""The variable over hosts: what it saves, restores and serves, on its own."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.distribute.sharded_variable import ShardedVariable

from shardline.embedding.checkpoint import pieces
from shardline.embedding.checkpoint.host_files import host_sharded_options
from shardline.embedding.checkpoint.index import StoredRows, stored_rows
from shardline.embedding.tables.sharded_variable import write_rows


@pytest.fixture
def small_slices(monkeypatch):
    """Makes a slice of a [n, 16] table hold 32 rows."""
    monkeypatch.setattr(pieces, "SLICE_BYTES", 32 * 16 * 4)


def row_ranges(prefix, key):
    """Returns the row ranges in which a checkpoint stores a tensor."""
    return [(piece.first, piece.last) for piece in stored_rows(prefix, key)]


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("restored_on", [(150,), (75, 75), (1, 148, 1)])
@pytest.mark.parametrize("saved_on", [(150,), (75, 75), (50, 50, 50), (33, 1, 116)])
def test_many_slices_restore_into_any_shards(
    cases, checkpoints, tmp_path, saved_on, restored_on
):
    source, target = (
        checkpoints.sharded(*saved_on),
        checkpoints.sharded(*restored_on, value=-1),
    )
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    checkpoints.read(target, prefix).assert_consumed()
    np.testing.assert_array_equal(cases.read(target), cases.read(source))


@pytest.mark.usefixtures("small_slices")
def test_shards_are_stored_in_slices_of_bounded_size(checkpoints, tmp_path):
    prefix = checkpoints.write(checkpoints.sharded(70, 33), tmp_path / "step")
    key = "embedding/.ATTRIBUTES/VARIABLE_VALUE"
    expected = [(0, 32), (32, 64), (64, 70), (70, 102), (102, 103)]
    assert row_ranges(prefix, key) == expected
    tensor = tf.train.load_checkpoint(prefix).get_tensor(key)
    np.testing.assert_array_equal(tensor, np.arange(103 * 16).reshape([103, 16]))


def address_of(tensor):
    """Returns where a tensor's values are in memory."""
    return np.asarray(memoryview(tensor)).ctypes.data


@pytest.mark.usefixtures("small_slices")
def test_saving_hands_over_views_of_the_shard_instead_of_copies(checkpoints):
    # 3 columns: rows themselves are not aligned.
    source = checkpoints.sharded(500, dim=3)
    (saveable,) = source._gather("key")
    address = address_of(source.variables[0].read_value_no_copy())
    assert len(saveable.specs) == 4
    row = 0
    for spec in saveable.specs[:-1]:
        view = spec.tensor
        assert address_of(view) == address + row * 3 * 4
        row += len(view)
    assert row + len(saveable.specs[-1].tensor) == 500


def test_update_after_a_save_began_does_not_change_what_is_saved(cases, checkpoints):
    source = checkpoints.sharded(4, dim=16)
    before = cases.read(source)
    (saveable,) = source._gather("key")
    view = saveable.specs[0].tensor
    write_rows(source.variables[0], 1, tf.fill([2, 16], -1.0))
    np.testing.assert_array_equal(view, before)
    np.testing.assert_array_equal(cases.read(source)[:, 0], [0, -1, -1, 48])


def test_restored_rows_are_read_once_and_by_no_one_else(
    checkpoints, tmp_path, monkeypatch
):
    asked = []
    restore = tf.raw_ops.RestoreV2

    def spy(**arguments):
        asked.extend(arguments["shape_and_slices"])
        return restore(**arguments)

    prefix = checkpoints.write(checkpoints.sharded(3, 3), tmp_path / "step")
    monkeypatch.setattr(tf.raw_ops, "RestoreV2", spy)
    target = checkpoints.sharded(4, 2, value=0)
    status = checkpoints.read(target, prefix)
    assert asked == ["6 16 0,3:0,16", "6 16 3,1:0,16", "6 16 4,2:0,16"]
    assert target._gather("again")[0].specs  # A save still finds the slices.
    status.assert_consumed()


def test_restored_variable_tells_when_it_was_read(checkpoints, tmp_path):
    prefix = checkpoints.write(checkpoints.sharded(3, 3), tmp_path / "step")
    target, told = checkpoints.sharded(6, value=0), []
    target.after_restore = lambda: told.append(target.variables[0].numpy()[5, 15])
    checkpoints.write(target, tmp_path / "other")
    assert told == []
    checkpoints.read(target, prefix)
    assert told == [95.0]


@pytest.mark.parametrize("restored_on", [(150,), (75, 75), (1, 148, 1)])
@pytest.mark.parametrize("saved_on", [(150,), (75, 75), (33, 1, 116)])
def test_big_pieces_of_tensorflows_variables_are_read_in_parts(
    cases, checkpoints, tmp_path, monkeypatch, saved_on, restored_on
):
    source = checkpoints.sharded(*saved_on)
    plain = ShardedVariable(source.variables, "items")
    prefix = checkpoints.write(plain, tmp_path / "step", host_sharded_options())
    monkeypatch.setattr(pieces, "SLICE_BYTES", 4 * 16 * 16 * 4)
    monkeypatch.setattr(pieces, "BIG_PIECE_BYTES", 0)
    read_bytes = []
    read_piece = StoredRows.read

    def spy(*arguments):
        read_bytes.append(len(read_piece(*arguments)))
        return read_piece(*arguments)

    monkeypatch.setattr(StoredRows, "read", spy)
    target = checkpoints.sharded(*restored_on, value=-1)
    checkpoints.read(target, prefix).assert_consumed()
    np.testing.assert_array_equal(cases.read(target), cases.read(source))
    assert max(read_bytes) == 16 * 16 * 4


def test_big_piece_of_another_type_is_left_to_tensorflow(
    checkpoints, tmp_path, monkeypatch
):
    monkeypatch.setattr(pieces, "BIG_PIECE_BYTES", 0)
    source = tf.Variable(tf.ones([6, 16], tf.int32))
    prefix = checkpoints.write(source, tmp_path / "step")
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected dtype float"):
        checkpoints.read(checkpoints.sharded(6), prefix)


def test_variable_of_another_shape_is_refused_by_name(checkpoints, tmp_path):
    prefix = checkpoints.write(checkpoints.sharded(3, 3), tmp_path / "step")
    message = r"has the shape \[6, 16\]; the variable 'items' .* has \[7, 16\]"
    with pytest.raises(ValueError, match=message):
        checkpoints.read(checkpoints.sharded(4, 3), prefix)


def test_restore_in_a_graph_is_refused(checkpoints, tmp_path):
    prefix = checkpoints.write(checkpoints.sharded(6, 5), tmp_path / "step")
    with (
        tf.Graph().as_default(),
        tf.compat.v1.Session(),
        pytest.raises(RuntimeError, match="'items' is restored in a graph; host-sha"),
    ):
        checkpoints.read(checkpoints.sharded(6, 5), prefix)


@pytest.mark.usefixtures("small_slices")
def test_saved_model_of_a_sharded_variable_serves_its_rows(
    cases, checkpoints, tmp_path
):
    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
        def rows(self, ids):
            return tf.nn.embedding_lookup(self.table.variables, ids)

    model = Model()
    model.table = checkpoints.sharded(70, 33)
    tf.saved_model.save(model, str(tmp_path / "model"), signatures=model.rows)
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    got = served(tf.range(103, dtype=tf.int64))["output_0"]
    np.testing.assert_array_equal(got, cases.read(model.table))
