"""The index of a checkpoint: which file holds which rows of a tensor."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleHeaderProto
from tensorflow.python.distribute.sharded_variable import ShardedVariable

from shardline.components.readers.files.checksums import masked_crc32c
from shardline.embedding.checkpoint.host_files import host_sharded_options
from shardline.embedding.checkpoint.index import index_entries, stored_rows, write_index


def test_index_of_many_tensors_is_read_whole(tmp_path):
    variables = {f"v{at}": tf.Variable(tf.zeros([at + 1, 2])) for at in range(700)}
    prefix = tf.train.Checkpoint(**variables).write(str(tmp_path / "step"))
    for at in (0, 1, 350, 699):
        key = f"v{at}/.ATTRIBUTES/VARIABLE_VALUE"
        (piece,) = stored_rows(prefix, key)
        assert (piece.first, piece.last) == (0, at + 1)


@pytest.mark.parametrize("shards", [(3000,), (1, 2999), (1500, 1500), (10, 2980, 10)])
@pytest.mark.parametrize("dim", [1, 3, 17])
def test_index_tells_where_the_rows_of_each_piece_are(
    checkpoints, tmp_path, shards, dim
):
    source = ShardedVariable(checkpoints.sharded(*shards, dim=dim).variables, "items")
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    pieces = stored_rows(prefix, "embedding/.ATTRIBUTES/VARIABLE_VALUE")
    assert [piece.last - piece.first for piece in pieces] == list(shards)
    for piece in pieces:
        first = max(piece.last - 5, piece.first)
        values = np.frombuffer(piece.read(first, piece.last), np.float32)
        np.testing.assert_array_equal(values, np.arange(first * dim, piece.last * dim))


def test_data_file_that_ends_too_early_is_refused(checkpoints, tmp_path):
    prefix = checkpoints.write(checkpoints.sharded(100), tmp_path / "step")
    (piece,) = stored_rows(prefix, "embedding/.ATTRIBUTES/VARIABLE_VALUE")
    (file,) = tmp_path.glob("step.data-*")
    file.write_bytes(file.read_bytes()[: 50 * 16 * 4])
    assert len(piece.read(32, 48)) == 16 * 16 * 4
    with pytest.raises(ValueError, match="ends within the rows 48 to 64: the checkpo"):
        piece.read(48, 64)


def test_index_without_the_tensor_is_refused(checkpoints, tmp_path):
    prefix = checkpoints.write(checkpoints.sharded(3), tmp_path / "step")
    with pytest.raises(ValueError, match="holds no tensor 'items'"):
        stored_rows(prefix, "items")


def test_file_that_is_no_index_is_refused(tmp_path):
    (tmp_path / "step.index").write_bytes(b"something else" * 9)
    with pytest.raises(ValueError, match=r"step.index is not the index of a TensorFl"):
        stored_rows(str(tmp_path / "step"), "items")


def test_compressed_index_is_refused(checkpoints, tmp_path):
    prefix = checkpoints.write(checkpoints.sharded(3), tmp_path / "step")
    index = bytearray((tmp_path / "step.index").read_bytes())
    # The type byte of the last block stands before its checksum and the footer.
    index[-48 - 5] = 1
    (tmp_path / "step.index").write_bytes(bytes(index))
    with pytest.raises(ValueError, match=r"step\.index is compressed"):
        stored_rows(prefix, "items")


@pytest.mark.parametrize("count", [1, 2000])
def test_index_is_read_as_the_one_that_tensorflow_wrote(
    tmp_path: Path, count: int
) -> None:
    tensors = {f"part/{n}": np.full([2, 3], n, np.float32) for n in range(count)}
    prefix = str(tmp_path / "checkpoint")
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=list(tensors),
        shape_and_slices=[""] * count,
        tensors=list(tensors.values()),
    )
    entries = index_entries(prefix)

    write_index(prefix, entries, masked_crc32c)

    assert index_entries(prefix) == entries
    assert BundleHeaderProto.FromString(entries[b""]).num_shards == 1
    reader = tf.train.load_checkpoint(prefix)
    assert len(reader.get_variable_to_shape_map()) == count
    for name in (f"part/{n}" for n in (0, count // 2, count - 1)):
        np.testing.assert_array_equal(reader.get_tensor(name), tensors[name])
    assert not reader.has_tensor("part")
