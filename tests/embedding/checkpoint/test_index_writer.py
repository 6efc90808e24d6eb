"""An index that is written here is read by TensorFlow, and by the project."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleHeaderProto

from shardline.embedding.checkpoint.index import index_entries
from shardline.embedding.checkpoint.index_writer import write_index


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

    write_index(prefix, entries)

    assert index_entries(prefix) == entries
    assert BundleHeaderProto.FromString(entries[b""]).num_shards == 1
    reader = tf.train.load_checkpoint(prefix)
    assert len(reader.get_variable_to_shape_map()) == count
    for name in (f"part/{n}" for n in (0, count // 2, count - 1)):
        np.testing.assert_array_equal(reader.get_tensor(name), tensors[name])
    assert not reader.has_tensor("part")
