"""Where SparseCores keep the rows of a table: pure index arithmetic.

Tables of one width and optimizer are stacked. Each SparseCore holds one shard of a
stack: of every table in it the rows whose id leaves the same remainder, from an offset
on, the remainders shifted by a rotation. Shards follow each other in one matrix.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


def row_positions(layout: Any) -> tf.Tensor:
    """Returns where each row of a table lies in its stack: int64 [vocabulary_size].

    Args:
        layout: the table's SparseCoreTableLayout.
    """
    rows = tf.range(layout.unsharded_shape[0], dtype=tf.int64)
    cores = layout.num_sparse_cores
    core = (rows % cores + layout.sparse_core_shard_rotation) % cores
    place = layout.sparse_core_shard_row_offset + rows // cores
    return core * layout.total_rows_per_sparse_core_shard + place


def stacked(layouts: Sequence[Any], tables: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns a stack of tables: float32 [rows of all shards, padded dim].

    Args:
        layouts: the layouts of every table in the stack.
        tables: float32 [vocabulary_size, dim] each, by name.
    """
    first = layouts[0]
    rows = first.num_sparse_cores * first.total_rows_per_sparse_core_shard
    stack = tf.zeros([rows, first.unsharded_padded_shape[1]])
    for layout in layouts:
        table = tables[layout.table_name]
        padding = layout.unsharded_padded_shape[1] - layout.unsharded_shape[1]
        stack = tf.tensor_scatter_nd_update(
            stack,
            row_positions(layout)[:, tf.newaxis],
            tf.pad(table, [[0, 0], [0, padding]]),
        )
    return stack


def unstacked(layout: Any, stack: tf.Tensor) -> tf.Tensor:
    """Returns one table of a stack: float32 [vocabulary_size, dim].

    Args:
        layout: the layout of the table.
        stack: float32 [rows of all shards, padded dim].
    """
    return tf.gather(stack, row_positions(layout))[:, : layout.unsharded_shape[1]]
