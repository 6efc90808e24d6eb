"""Tokens to ids outside of TensorFlow graphs, equal to what the transform graph makes.

`components.features.graph.preprocessing` makes the same ids; a test compares the two.
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
        """Returns int64 [n]; an id out of range, if that is an error, as it is."""
        if self._vocabulary is not None:
            return self._by_vocabulary(text(tokens))
        if self._ids.hash_buckets:
            salted = text(tokens)
            if self._ids.salt:
                salt = pa.scalar(self._ids.salt.encode(), pa.large_binary())
                empty = pa.scalar(b"", pa.large_binary())
                salted = pc.binary_join_element_wise(salt, salted, empty)
            return _hashed(salted, self._ids.hash_buckets)
        if self._ids.range is not None:
            return self._by_range(tokens.to_numpy(), self._ids.range)
        values = tokens.to_numpy(zero_copy_only=False)
        ends = np.asarray(self._boundaries, values.dtype)
        buckets: np.ndarray = np.searchsorted(ends, values, side="right")
        return buckets

    def _by_vocabulary(self, tokens: pa.Array) -> np.ndarray:
        found = pc.index_in(tokens, value_set=self._vocabulary)
        ids: np.ndarray = pc.fill_null(found, -1).to_numpy().astype(np.int64)
        outside = np.flatnonzero(ids < 0)
        hashed = _hashed(tokens.take(pa.array(outside)), self._oov_rows)
        ids[outside] = len(self._vocabulary or ()) + hashed
        return ids

    def _by_range(self, ids: np.ndarray, size: int) -> np.ndarray:
        if self._ids.out_of_range != "oov_rows":
            return ids
        is_inside = (ids >= 0) & (ids < size)
        return np.where(is_inside, ids, size + np.mod(ids, self._oov_rows))


def _hashed(tokens: pa.Array, buckets: int) -> np.ndarray:
    parts = [
        tf.strings.to_hash_bucket_fast(
            tokens.slice(start, _HASHED_AT_ONCE).to_numpy(zero_copy_only=False), buckets
        ).numpy()
        for start in range(0, len(tokens), _HASHED_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
