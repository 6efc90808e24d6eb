"""Reads pieces of a checkpoint's tensors, a bounded part at a time.

TensorFlow loads a stored piece whole. One that is too big for that, as TensorFlow's own
classes write, is read from its file.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.index import StoredRows
from shardline.embedding.tables import partition

SLICE_BYTES = 32 * 2**20
# What is stored in bigger pieces is not loaded by TensorFlow.
BIG_PIECE_BYTES = 2 * SLICE_BYTES
# A view of rows must start at a multiple of 64 bytes, else TensorFlow copies.
_ALIGNED_ROWS = 16


def rows_of(size: int, dim: int) -> int:
    """Returns how many float32 rows make `size` bytes: a multiple of 16."""
    return max(size // (4 * dim) // _ALIGNED_ROWS, 1) * _ALIGNED_ROWS


def parts_to_read(
    piece: StoredRows, first: int, last: int, dim: int
) -> list[tuple[int, int]]:
    """Returns in which parts to read rows of a piece: (first, end row), ascending.

    Args:
        piece: from `stored_rows`.
        first: the first row.
        last: end row, exclusive; both among the piece's.
        dim: values in a row.
    """
    if not _is_read_from_file(piece, dim):
        return [(first, last)]
    return list(partition.aligned_blocks(first, last, rows_of(SLICE_BYTES // 4, dim)))


def read_part(
    prefix: str,
    key: str,
    shape: Sequence[int],
    piece: StoredRows,
    first: int,
    last: int,
) -> tf.Tensor:
    """Reads one of `parts_to_read` on the current device, or from its file here.

    Args:
        prefix: the checkpoint's path.
        key: the tensor's key.
        shape: [rows, dim] of the tensor.
        piece: from `stored_rows`.
        first: the first row.
        last: end row, exclusive.

    Returns:
        float32 [last - first, dim].
    """
    rows, dim = shape
    if _is_read_from_file(piece, dim):
        values = np.frombuffer(piece.read(first, last), np.float32)
        return tf.convert_to_tensor(values.reshape([-1, dim]))
    (found,) = tf.raw_ops.RestoreV2(
        prefix=prefix,
        tensor_names=[key],
        shape_and_slices=[f"{rows} {dim} {first},{last - first}:0,{dim}"],
        dtypes=[tf.float32],
    )
    return found


def _is_read_from_file(piece: StoredRows, dim: int) -> bool:
    size = 4 * dim * (piece.last - piece.first)
    is_alike = piece.dtype == tf.float32 and piece.size == size
    return piece.size > BIG_PIECE_BYTES and is_alike
