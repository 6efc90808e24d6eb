"""Columns of one value an example, some of which may be missing.

Outside of graphs such a column is ragged, with one value or none in each row. Inside it
is [batch], with a value that stands for none (`components.features.tokens.MISSING`).
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components.features.tokens import MISSING
from configs.column import Column
from embedding.checks import after, asserted


def as_lists(
    columns: Mapping[str, Any], wanted: Mapping[str, Column]
) -> dict[str, Any]:
    """Returns raw columns as graphs take them.

    Args:
        columns: tensors [batch] or ragged, by column.
        wanted: what each holds.

    Returns:
        The same, those that may be missing ragged. A value that stands for none stays
        in its list.
    """
    return {
        name: _listed(values) if _may_miss(wanted[name]) else values
        for name, values in columns.items()
    }


def as_values(
    columns: Mapping[str, Any], wanted: Mapping[str, Column]
) -> dict[str, Any]:
    """Returns raw columns as functions of columns take them.

    Args:
        columns: tensors by column, as graphs take them.
        wanted: what each holds.

    Returns:
        The same, those that may be missing [batch]. Several values where one may be are
        an error of the running graph.
    """
    return {
        name: _filled(name, values, wanted[name]) if _may_miss(wanted[name]) else values
        for name, values in columns.items()
    }


def _may_miss(column: Column) -> bool:
    return column.optional and not column.ragged


def _listed(values: Any) -> tf.RaggedTensor:
    if isinstance(values, tf.RaggedTensor):
        return values
    splits = tf.range(tf.size(values, tf.int64) + 1)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)


def _filled(name: str, lists: tf.RaggedTensor, column: Column) -> tf.Tensor:
    lengths = lists.row_lengths()

    def found() -> list[Any]:
        row = tf.argmax(lengths)
        return [
            f"Column `{name}` holds several values where {column} is expected: example",
            row,
            "(the first is 0) has",
            lengths[row],
            "of them. Write one, or give the feature `combiner` or "
            "`max_sequence_length`.",
        ]

    with after(asserted(tf.reduce_all(lengths <= 1), found)):
        missing = tf.constant(MISSING[column.dtype], lists.dtype)
        return lists.to_tensor(missing, shape=[None, 1])[:, 0]
