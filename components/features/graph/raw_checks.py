"""What the transform graph refuses of numbers, as the reading of files does.

A small request is as slow as it has ops, so columns are checked together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from shardline.configs.column import Column
from shardline.embedding.inputs.assertions import after, asserted


def checked_numbers(
    columns: Mapping[str, Any], wanted: Mapping[str, Column]
) -> dict[str, Any]:
    """Returns raw columns, refusing infinite floats, and NaN where none may be missing.

    Args:
        columns: tensors [batch] or ragged, by column.
        wanted: what those that are to be checked hold.
    """
    given = dict(columns)
    floats = [name for name, column in wanted.items() if column.dtype == "float"]
    lists = [n for n in floats if isinstance(columns[n], tf.RaggedTensor)]
    single = [n for n in floats if n not in lists]
    if single:
        values = tf.stack([columns[name] for name in single])
        checked = _checked(values, [wanted[name] for name in single], single)
        given |= zip(single, tf.unstack(checked, len(single)), strict=True)
    for name in lists:
        flat = _checked(columns[name].flat_values[None], [wanted[name]], [name])[0]
        given[name] = columns[name].with_flat_values(flat)
    return given


def _checked(
    values: tf.Tensor, wanted: Sequence[Column], names: Sequence[str]
) -> tf.Tensor:
    """Returns floats of columns that hold equally many, if all are fit to be used.

    Args:
        values: float32 [columns, n].
        wanted: what each column holds.
        names: the names of the columns.
    """
    may_be_nan = [column.optional and not column.ragged for column in wanted]
    is_fit = tf.math.is_finite(values)
    if any(may_be_nan):
        is_fit |= tf.math.is_nan(values) & tf.constant(may_be_nan)[:, None]

    def found() -> list[Any]:
        column, row = _first_false(is_fit)
        labels = [
            f"Column `{name}` must hold finite numbers as float32"
            f"{', or NaN for a missing one' if is_free else ''}; got"
            for name, is_free in zip(names, may_be_nan, strict=True)
        ]
        return [tf.gather(labels, column), values[column, row]]

    with after(asserted(tf.reduce_all(is_fit), found)):
        return tf.identity(values)


def _first_false(fits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the position of the first False: row and column."""
    position = tf.argmin(tf.reshape(tf.cast(fits, tf.int32), [-1]))
    columns = tf.shape(fits, tf.int64)[1]
    return position // columns, position % columns
