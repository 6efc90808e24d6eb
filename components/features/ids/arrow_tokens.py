"""The tokens of a feature in Arrow: defaults, crosses, the kept end of a sequence.

`ids.tensor_tokens` makes the same tokens as tensors; a test compares the two. For
vocabularies all tokens of a sequence are counted, those included that are cut off.

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


def feature_tokens(name: str, feature: Feature, batch: pa.RecordBatch) -> Ragged:
    """Returns the values that a feature makes ids of.

    Args:
        name: the name of the feature.
        feature: the feature.
        batch: raw columns.
    """
    return kept_tokens(stored_tokens(name, feature, batch), feature)


def stored_tokens(name: str, feature: Feature, batch: pa.RecordBatch) -> Ragged:
    """Returns a feature's values as the data have them, crossed if it is a cross.

    Args:
        name: the name of the feature.
        feature: the feature.
        batch: raw columns.
    """
    if feature.cross:
        return crossed(*(column_of(batch, column) for column in feature.cross))
    return column_of(batch, feature.column or name)


def kept_tokens(tokens: Ragged, feature: Feature) -> Ragged:
    """Returns the values that ids are made of: defaults put in, long sequences cut.

    Args:
        tokens: as the data have them.
        feature: the feature.
    """
    if feature.default is not None:
        tokens = _with_default(tokens, feature)
    most = feature.max_sequence_length
    if not most or tokens.lengths.max(initial=0) <= most:
        return tokens
    starts = _starts(tokens.lengths)
    if feature.keep != "oldest":
        starts = starts + np.maximum(tokens.lengths - most, 0)
    return _taken(tokens.values, starts, np.minimum(tokens.lengths, most))


def counted_tokens(name: str, feature: Feature, batch: pa.RecordBatch) -> pa.Array:
    """Returns the values that a vocabulary counts: flat, none cut off, in any order.

    Args:
        name: the name of the feature.
        feature: the feature.
        batch: raw columns.
    """
    values, lengths = stored_tokens(name, feature, batch)
    if feature.default is None:
        return values
    absent = np.count_nonzero(lengths == 0)
    if not feature.is_ragged:
        is_present = ~is_missing(values)
        absent += len(values) - np.count_nonzero(is_present)
        values = values.filter(pa.array(is_present))
    default = _value(feature.default)
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


def _with_default(tokens: Ragged, feature: Feature) -> Ragged:
    """Puts the default in place of a missing value, or of no value at all."""
    values, lengths = tokens
    is_absent = lengths == 0
    if not feature.is_ragged:
        is_absent[~is_absent] = is_missing(values)
    starts = np.where(is_absent, len(values), _starts(lengths))
    default = pa.array([_value(feature.default)], values.type)
    filled = pa.concat_arrays([values, default])
    return _taken(filled, starts, np.where(is_absent, 1, lengths))


def _taken(values: pa.Array, starts: np.ndarray, lengths: np.ndarray) -> Ragged:
    """Returns of each row so many values from a start on."""
    index = np.repeat(starts - _starts(lengths), lengths) + np.arange(lengths.sum())
    return Ragged(values.take(pa.array(index)), lengths)


def _value(default: str | int | float | None) -> bytes | int | float | None:
    """Returns a default as an Arrow array holds it."""
    return default.encode() if isinstance(default, str) else default
