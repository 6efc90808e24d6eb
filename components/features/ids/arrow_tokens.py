"""The tokens of a feature, as Arrow arrays, for counting.

`ids.tensor_tokens` makes the same tokens as tensors. All tokens of a sequence
are counted, those included that are cut off later.

A batch is a pa.RecordBatch of `large_list` columns without nulls; an empty list is a
missing value.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.configs.schema import Feature

_SEPARATOR = pa.scalar(b"_X_", pa.large_binary())


class Ragged(NamedTuple):
    """Values of all rows, and how many each row has.

    Attributes:
        values: flat, of all rows.
        lengths: int64 [rows].
    """

    values: pa.Array
    lengths: np.ndarray


def column_of(batch: pa.RecordBatch, name: str) -> Ragged:
    """Returns a column of a batch."""
    column = batch.column(name)
    return Ragged(column.flatten(), np.diff(column.offsets.to_numpy()))


def feature_tokens(name: str, feature: Feature, batch: pa.RecordBatch) -> pa.Array:
    """Returns every value that a feature makes ids of: flat.

    Args:
        name: of the feature.
        feature: the specification.
        batch: raw columns.
    """
    if feature.cross:
        values, lengths = crossed(*(column_of(batch, c) for c in feature.cross))
    else:
        values, lengths = column_of(batch, feature.column or name)
    if feature.default is None:
        return values
    absent = np.count_nonzero(lengths == 0)
    if not feature.is_ragged:
        values, empty = _without_missing(values)
        absent += empty
    given = feature.default
    default = given.encode() if isinstance(given, str) else given
    return pa.concat_arrays([values, pa.array([default] * absent, values.type)])


def crossed(left: Ragged, right: Ragged) -> Ragged:
    """Returns every pair of values of each row, as "left_X_right", left-major."""
    lengths = left.lengths * right.lengths
    rows = np.repeat(np.arange(len(lengths)), lengths)
    in_row = np.arange(lengths.sum()) - np.repeat(_starts(lengths), lengths)
    left_index = _starts(left.lengths)[rows] + in_row // right.lengths[rows]
    right_index = _starts(right.lengths)[rows] + in_row % right.lengths[rows]
    pairs = pc.binary_join_element_wise(
        text(left.values).take(pa.array(left_index)),
        text(right.values).take(pa.array(right_index)),
        _SEPARATOR,
    )
    return Ragged(pairs, lengths)


def text(values: pa.Array) -> pa.Array:
    """Returns values as large_binary; whole numbers in decimal."""
    if pa.types.is_integer(values.type):
        values = values.cast(pa.large_string())
    return values.cast(pa.large_binary())


def _starts(lengths: np.ndarray) -> np.ndarray:
    starts: np.ndarray = np.cumsum(lengths) - lengths
    return starts


def is_missing(values: pa.Array) -> np.ndarray:
    """Finds what stands for a missing value: "", NaN and the smallest int64."""
    if pa.types.is_floating(values.type):
        found = pc.is_nan(values)
    elif pa.types.is_integer(values.type):
        found = pc.equal(values, np.iinfo(np.int64).min)
    else:
        found = pc.equal(pc.binary_length(values), 0)
    flags: np.ndarray = found.to_numpy(zero_copy_only=False)
    return flags


def _without_missing(values: pa.Array) -> tuple[pa.Array, int]:
    """Leaves out what stands for a missing value, and counts it."""
    kept = values.filter(pa.array(~is_missing(values)))
    return kept, len(values) - len(kept)
