"""Tokens to ids of Arrow arrays, outside of TensorFlow graphs.

`ids.tensor_ids` makes the same ids in the transform graph; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from shardline.components.features.ids.arrow_tokens import text
from shardline.configs.schema import Ids

_HASHED_AT_ONCE = 1 << 20


class TableIds:
    """Turns the tokens of one table into ids."""

    def __init__(
        self,
        ids: Ids,
        oov_rows: int,
        vocabulary: pa.Array | None = None,
        boundaries: Sequence[int] | Sequence[float] = (),
    ) -> None:
        """Sets what decides on ids.

        Args:
            ids: the kind.
            oov_rows: rows for tokens outside the vocabulary, or ids out of range.
            vocabulary: large_binary [n], in the order of ids, if the kind has one.
            boundaries: where quantile buckets end.
        """
        self._ids = ids
        self._oov_rows = oov_rows
        self._vocabulary = vocabulary
        self._boundaries = boundaries

    @property
    def known(self) -> int | None:
        """Ids below this are of the vocabulary, or in range; None: all are."""
        if self._vocabulary is not None:
            return len(self._vocabulary)
        return self._ids.range

    def of(self, tokens: pa.Array) -> np.ndarray:
        """Returns the ids of tokens: int64 [n].

        Where an id out of range is an error, it comes out as it is.

        Args:
            tokens: large_binary, int64 or float32 [n].
        """
        if self._vocabulary is not None:
            return vocabulary_ids(tokens, self._vocabulary, self._oov_rows)
        if self._ids.hash_buckets:
            return hash_ids(tokens, self._ids.hash_buckets, self._ids.salt)
        if self._ids.range is None:
            return quantile_ids(tokens, self._boundaries)
        if self._ids.out_of_range == "oov_rows":
            return range_ids(tokens, self._ids.range, self._oov_rows)
        ids: np.ndarray = tokens.to_numpy()
        return ids


def vocabulary_ids(tokens: pa.Array, vocabulary: pa.Array, oov_rows: int) -> np.ndarray:
    """Returns the lines of tokens; others are hashed to out-of-vocabulary rows."""
    strings = text(tokens)
    lines = pc.fill_null(pc.index_in(strings, value_set=vocabulary), -1)
    ids: np.ndarray = lines.to_numpy().astype(np.int64)
    outside = np.flatnonzero(ids < 0)
    ids[outside] = len(vocabulary) + hash_ids(strings.take(pa.array(outside)), oov_rows)
    return ids


def hash_ids(tokens: pa.Array, buckets: int, salt: str | None = None) -> np.ndarray:
    """Returns the hash bucket of each token, with a salt before its text."""
    salted = text(tokens)
    if salt:
        before = pa.scalar(salt.encode(), pa.large_binary())
        separator = pa.scalar(b"", pa.large_binary())
        salted = pc.binary_join_element_wise(before, salted, separator)
    parts = [
        tf.strings.to_hash_bucket_fast(
            salted.slice(start, _HASHED_AT_ONCE).to_numpy(zero_copy_only=False), buckets
        ).numpy()
        for start in range(0, len(salted), _HASHED_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def range_ids(tokens: pa.Array, size: int, oov_rows: int) -> np.ndarray:
    """Returns ids as they are; others share the out-of-vocabulary rows by modulo."""
    ids = tokens.to_numpy()
    is_inside = (ids >= 0) & (ids < size)
    inside_or_oov: np.ndarray = np.where(is_inside, ids, size + np.mod(ids, oov_rows))
    return inside_or_oov


def quantile_ids(
    tokens: pa.Array, boundaries: Sequence[int] | Sequence[float]
) -> np.ndarray:
    """Returns the bucket of each number: how many boundaries are not above it."""
    values = tokens.to_numpy(zero_copy_only=False)
    ends = np.asarray(boundaries, values.dtype)
    buckets: np.ndarray = np.searchsorted(ends, values, side="right")
    return buckets
