"""Fresh rows that begin with the mean of others."""

from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.pieces import SLICE_BYTES, rows_of
from shardline.embedding.checkpoint.warm_start.row_map import Means
from shardline.embedding.tables import partition
from shardline.embedding.tables.sharded_variable import on_every_task


def write_means(variable: Any, means: Means, dim: int) -> None:
    """Writes the mean of some rows into others, each host's on that host.

    Sums are taken in float64, so that the number of hosts shows in no digit that a
    float32 has.

    Args:
        variable: a `RowShardedVariable` of parameters.
        means: which rows, and of which.
        dim: how many columns; the rest stay as they are.
    """
    parts = variable.variables
    starts = np.cumsum([0, *(part.shape[0] for part in parts)])
    sums: list[Any] = [None] * len(parts)

    def add(part: int) -> None:
        own = _within(means.of, starts[part], starts[part + 1])
        sums[part] = _sum(parts[part], own, dim)

    devices = [part.device for part in parts]
    on_every_task(devices, add)
    mean = (np.sum(sums, axis=0) / len(means.of)).astype(np.float32)

    def write(part: int) -> None:
        own = _within(np.sort(means.rows), starts[part], starts[part + 1])
        for block in _blocks(own, parts[part].shape[1]):
            _write(parts[part], block, mean)

    on_every_task(devices, write)


def _within(rows: np.ndarray, first: int, last: int) -> np.ndarray:
    """Returns ascending rows of a shard, numbered from its first one."""
    begin, end = np.searchsorted(rows, [first, last])
    return rows[begin:end] - first


def _blocks(rows: np.ndarray, dim: int) -> list[np.ndarray]:
    size = rows_of(SLICE_BYTES // 4, dim)
    return [
        rows[first:last] for first, last in partition.aligned_blocks(0, len(rows), size)
    ]


def _sum(shard: Any, rows: np.ndarray, dim: int) -> np.ndarray:
    """Returns the sum of rows of a shard: float64 [dim]."""
    total = np.zeros(dim)
    for block in _blocks(rows, shard.shape[1]):
        with tf.device(shard.device):
            values = tf.gather(shard, block)[:, :dim]
            total += tf.reduce_sum(tf.cast(values, tf.float64), axis=0).numpy()
    return total


def _write(shard: Any, rows: np.ndarray, mean: np.ndarray) -> None:
    with tf.device(shard.device):
        values = tf.tile(mean[np.newaxis], [len(rows), 1])
        if len(mean) < shard.shape[1]:
            there = tf.gather(shard, rows)
            values = tf.concat([values, there[:, len(mean) :]], axis=1)
        tf.raw_ops.ResourceScatterUpdate(
            resource=shard.handle, indices=rows, updates=values
        )
