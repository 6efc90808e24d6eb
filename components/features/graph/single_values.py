"""Columns of one value an example, some of which may be missing.

Outside of graphs such a column is ragged, with one value or none in each row. Inside it
is [batch], with a value that stands for none (`ids.tensor_tokens.MISSING`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from shardline.components.features.ids.tensor_tokens import MISSING
from shardline.configs.column import Column
from shardline.embedding.inputs.assertions import after, asserted


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
    given = dict(columns)
    names = [name for name in columns if _may_miss(wanted[name])]
    if not names:
        return given
    # All columns together: a small request is as slow as it has ops.
    splits = tf.stack([columns[name].row_splits for name in names])
    lengths = splits[:, 1:] - splits[:, :-1]
    with after(asserted(tf.reduce_all(lengths <= 1), _several(names, wanted, lengths))):
        is_there = tf.equal(lengths, 1)
    for dtype, missing in MISSING.items():
        some = [n for n, name in enumerate(names) if wanted[name].dtype == dtype]
        if some:
            lists = [columns[names[n]] for n in some]
            values = _filled(
                lists,
                tf.gather(splits, some),
                tf.gather(is_there, some),
                tf.constant([missing], lists[0].dtype),
            )
            given |= zip([names[n] for n in some], values, strict=True)
    return given


def _filled(
    lists: Sequence[tf.RaggedTensor],
    splits: tf.Tensor,
    is_there: tf.Tensor,
    missing: tf.Tensor,
) -> list[tf.Tensor]:
    """Returns columns of one dtype as [batch] each.

    Args:
        lists: no value or one in each row.
        splits: their row splits, int64 [columns, batch + 1].
        is_there: bool [columns, batch].
        missing: what to put where no value is, [1].
    """
    values = tf.concat([missing, *(ragged.values for ragged in lists)], 0)
    firsts = tf.cumsum(splits[:, -1:], exclusive=True) + 1
    positions = tf.where(is_there, splits[:, :-1] + firsts, 0)
    columns: list[tf.Tensor] = tf.unstack(tf.gather(values, positions), len(lists))
    return columns


def _several(
    names: Sequence[str], wanted: Mapping[str, Column], lengths: tf.Tensor
) -> Callable[[], list[Any]]:
    """Returns what makes the message for columns, lengths int64 [columns, batch]."""
    labels = [
        f"Column `{name}` holds several values where {wanted[name]} is expected: "
        "example"
        for name in names
    ]

    def found() -> list[Any]:
        position = tf.argmax(tf.reshape(lengths, [-1]))
        rows = tf.shape(lengths, tf.int64)[1]
        return [
            tf.gather(labels, position // rows),
            position % rows,
            "(the first is 0) has",
            tf.reduce_max(lengths),
            "of them. Write one, or give the feature `combiner` or "
            "`max_sequence_length`.",
        ]

    return found


def _may_miss(column: Column) -> bool:
    return column.optional and not column.ragged


def _listed(values: Any) -> tf.RaggedTensor:
    if isinstance(values, tf.RaggedTensor):
        return values
    splits = tf.range(tf.size(values, tf.int64) + 1)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)
