"""What raw examples are refused for outside of files, as they are in files.

A small request is as slow as it has ops, so the columns of a kind are checked together.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from configs.column import Column
from embedding.checks import after, asserted


def only_values(
    lists: Mapping[str, tf.RaggedTensor], wanted: Mapping[str, Column]
) -> dict[str, Any]:
    """Returns columns that must hold one value in each example as [batch].

    Args:
        lists: the values of each example, by column.
        wanted: what each holds.

    Returns:
        The same; columns that are ragged or may be missing as they came.
    """
    columns: dict[str, Any] = dict(lists)
    single = [n for n, c in wanted.items() if not c.ragged and not c.optional]
    if not single:
        return columns
    lengths = tf.stack([lists[name].row_lengths() for name in single])
    fits = tf.equal(lengths, 1)

    def found() -> list[Any]:
        column, row = _first_false(fits)
        told = [f"Column `{n}` must hold {wanted[n]} in each example:" for n in single]
        return [
            tf.gather(told, column),
            "example",
            row,
            "(the first is 0) holds",
            lengths[column, row],
            "of them. Write one, or give the feature a `default` or the number "
            "`missing`.",
        ]

    with after(asserted(tf.reduce_all(fits), found)):
        columns |= {name: tf.identity(lists[name].values) for name in single}
    return columns


def checked_numbers(
    columns: Mapping[str, Any], wanted: Mapping[str, Column]
) -> dict[str, Any]:
    """Returns raw columns, refusing infinite floats, and NaN where none may be missing.

    Args:
        columns: tensors [batch] or ragged, by column.
        wanted: what each holds.
    """
    names = [name for name in columns if wanted[name].dtype == "float"]
    if not names:
        return dict(columns)
    flat = {
        name: values.flat_values if isinstance(values, tf.RaggedTensor) else values
        for name, values in columns.items()
    }
    # Those that may hold NaN, which is no number and so not infinite, come first.
    names.sort(key=lambda name: not _may_be_nan(wanted[name]))
    together = tf.concat([flat[name] for name in names], 0)
    free = tf.add_n(
        [tf.size(flat[n]) for n in names if _may_be_nan(wanted[n])] or [tf.constant(0)]
    )
    is_bad = tf.concat(
        [tf.math.is_inf(together[:free]), ~tf.math.is_finite(together[free:])], 0
    )

    def found() -> list[Any]:
        place = tf.argmax(tf.cast(is_bad, tf.int32))
        ends = tf.cumsum([tf.size(flat[name], tf.int64) for name in names])
        column = tf.searchsorted(ends, [place], side="right")[0]
        return [
            tf.gather([_refusal(name, wanted[name]) for name in names], column),
            together[place],
        ]

    with after(asserted(~tf.reduce_any(is_bad), found)):
        return {
            name: _after(values) if name in names else values
            for name, values in columns.items()
        }


def _may_be_nan(column: Column) -> bool:
    return column.optional and not column.ragged


def _refusal(name: str, column: Column) -> str:
    missing = ", or NaN for a missing one" if _may_be_nan(column) else ""
    return f"Column `{name}` must hold finite numbers as float32{missing}; got"


def _after(values: Any) -> Any:
    """Returns the same values behind the checks that are in force."""
    if isinstance(values, tf.RaggedTensor):
        return values.with_flat_values(tf.identity(values.flat_values))
    return tf.identity(values)


def _first_false(fits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the place of the first False: row and column."""
    place = tf.argmin(tf.reshape(tf.cast(fits, tf.int32), [-1]))
    columns = tf.shape(fits, tf.int64)[1]
    return place // columns, place % columns
