"""Reads pieces of files on this machine into memory that is used again and again.

TensorFlow reads a piece into new memory, and its allocator then takes as much again as
all tables have, to keep 1/32 of that for its own records: for a table of 4 GB more than
a warm start needs for itself. It also takes longer.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.crc32c import masked
from shardline.embedding.checkpoint.index import StoredRows
from shardline.embedding.hosts import logical_hosts, task_of
from shardline.embedding.native.library import usable_ops

# As TensorFlow's kernels want it.
_ALIGNED_BYTES = 64
_TAKEN_BYTES = 4 * 2**20


def can_read_near(devices: Sequence[str]) -> bool:
    """Tells whether hosts are of this process, which has the native checksum."""
    here = task_of(logical_hosts()[0])
    is_here = all(task_of(device) == here for device in devices)
    return is_here and usable_ops() is not None


class NearReader:
    """Holds a piece at a time, and the rows of it that are written next."""

    def __init__(self) -> None:
        """Holds nothing yet."""
        self._piece = _aligned(0)
        self._taken = _aligned(_TAKEN_BYTES)

    def rows(self, piece: StoredRows) -> np.ndarray | None:
        """Returns all rows of a piece: float32 [rows, dim], until the next call.

        Returns:
            None if they are not what was written; TensorFlow can say what is wrong.
        """
        if self._piece.size < piece.size:
            self._piece = _aligned(piece.size)
        content = self._piece[: piece.size]
        if not _read(piece, content):
            return None
        with tf.device("/CPU:0"):
            crc = int(usable_ops().shardline_crc32c(_tensor(content)))  # type: ignore[union-attr]
        if masked(crc) != piece.masked_crc32c:
            return None
        return content.view(np.float32).reshape(piece.last - piece.first, -1)

    def write(
        self, shard: Any, rows: np.ndarray, positions: np.ndarray, to: np.ndarray
    ) -> None:
        """Writes rows of a piece into a shard.

        Args:
            shard: a variable, float32 [n, dim].
            rows: from `rows`.
            positions: int64 [m], which of them.
            to: int64 [m], which rows of the shard they become.
        """
        at_once = max(_TAKEN_BYTES // (4 * rows.shape[1]), 1)
        size = 4 * rows.shape[1] * at_once
        if self._taken.size < size:
            self._taken = _aligned(size)
        taken = self._taken[:size].view(np.float32).reshape(at_once, -1)
        for first in range(0, len(positions), at_once):
            some = slice(first, first + at_once)
            values = taken[: len(positions[some])]
            np.take(rows, positions[some], axis=0, out=values, mode="clip")
            with tf.device(shard.device):
                tf.raw_ops.ResourceScatterUpdate(
                    resource=shard.handle, indices=to[some], updates=_tensor(values)
                )


def _read(piece: StoredRows, content: np.ndarray) -> bool:
    """Fills memory from a piece's file; returns whether that had as much."""
    try:
        with open(piece.path, "rb", buffering=0) as file:
            done = 0
            while done < piece.size:
                count = os.preadv(
                    file.fileno(), [content[done:].data], piece.offset + done
                )
                if not count:
                    return False
                done += count
    except OSError:
        return False
    return True


def _aligned(size: int) -> np.ndarray:
    """Returns memory for a tensor: uint8 [size]."""
    whole = np.empty(size + _ALIGNED_BYTES, np.uint8)
    first = -whole.ctypes.data % _ALIGNED_BYTES
    return whole[first : first + size]


def _tensor(values: np.ndarray) -> tf.Tensor:
    """Returns a tensor in the place of aligned values, not a copy."""
    return tf.experimental.dlpack.from_dlpack(values.__dlpack__())
