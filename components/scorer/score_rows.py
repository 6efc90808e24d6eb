"""Rows of output: the columns that are kept, and the score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds
from tensorflow_metadata.proto.v0 import schema_pb2

from shardline.components.features.writing.example_files import Encoding

SCORE = "score"


def encoding() -> Encoding:
    """Returns how rows are written, which have their final form already."""
    return Encoding(schema_pb2.Schema())


def score_rows(
    batch: pa.RecordBatch, kept: Sequence[str], scores: np.ndarray, file_format: str
) -> pa.RecordBatch:
    """Returns the rows of output of a batch.

    Args:
        batch: raw columns, the kept ones among them.
        kept: the columns to write.
        scores: float32 [rows].
        file_format: "parquet" or "tfrecord".

    Returns:
        For Parquet one value a row, null where there is none; for tf.Examples lists of
        one or none, of strings, int64 or float32.
    """
    columns: dict[str, pa.Array] = {}
    for name in kept:
        held = batch.column(name)
        columns[name] = _plain(held) if file_format == "parquet" else _listed(held)
    score = pa.array(scores)
    if file_format != "parquet":
        offsets = np.arange(len(scores) + 1)
        score = pa.LargeListArray.from_arrays(pa.array(offsets), score)
    return pa.RecordBatch.from_pydict({**columns, SCORE: score})


def _plain(held: pa.LargeListArray) -> pa.Array:
    """Takes values out of their lists."""
    values = _text(held.flatten())
    lengths = np.diff(held.offsets.to_numpy())
    if len(values) == len(lengths):
        return values
    positions = np.cumsum(lengths) - 1
    return values.take(pa.array(positions, mask=lengths == 0))


def _listed(held: pa.LargeListArray) -> pa.Array:
    """Makes of values what a tf.Example can hold; what is no number becomes text.

    A row without a value is null, so that readers take their default for it.
    """
    offsets = held.offsets.to_numpy()
    is_empty = pa.array(np.diff(offsets) == 0)
    values = held.flatten()
    stored = values.type
    if kinds.is_integer(stored) or kinds.is_boolean(stored):
        values = values.cast(pa.int64())
    elif kinds.is_floating(stored):
        values = values.cast(pa.float32())
    else:
        values = _text(values).cast(pa.large_string()).cast(pa.large_binary())
    from_zero = pa.array(offsets - offsets[0])
    return pa.LargeListArray.from_arrays(from_zero, values, mask=is_empty)


def _text(values: pa.Array) -> pa.Array:
    """Returns strings, which the reader has found to be UTF-8, as such."""
    if kinds.is_large_binary(values.type) or kinds.is_null(values.type):
        return values.cast(pa.large_string())
    return values
