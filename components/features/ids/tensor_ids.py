"""Tokens to ids as tensors, in the transform graph.

`ids.arrow_ids` makes the same ids of Arrow arrays; a test compares the two. Ids below
the size of a vocabulary are its tokens, the most frequent first; the table's
out-of-vocabulary rows follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_transform as tft

from shardline.components.features.ids.tensor_tokens import text
from shardline.configs.schema import Ids


class VocabularyLookup(NamedTuple):
    """The vocabulary of a table, in a graph.

    Attributes:
        lines: from a token to its line, as `vocabulary_lines` gives it.
        size: how many tokens there are.
    """

    lines: tf.lookup.StaticHashTable
    size: int


class TableIds:
    """Turns the tokens of one table into ids."""

    def __init__(
        self,
        ids: Ids,
        oov_rows: int,
        vocabulary: VocabularyLookup | None = None,
        boundaries: Sequence[int] | Sequence[float] = (),
    ) -> None:
        """Sets what decides on ids.

        Args:
            ids: the kind.
            oov_rows: rows for tokens outside the vocabulary, or ids out of range.
            vocabulary: the vocabulary of the table, if the kind has one.
            boundaries: where quantile buckets end.
        """
        self._ids = ids
        self._oov_rows = oov_rows
        self._vocabulary = vocabulary
        self._boundaries = boundaries

    def of(self, tokens: Any, feature: str) -> Any:
        """Returns the ids of tokens: int64, of the tokens' shape.

        Args:
            tokens: string, int64 or float32, [batch] or ragged.
            feature: its name, for the message about an id out of range.
        """
        if isinstance(tokens, tf.RaggedTensor):
            return tokens.with_flat_values(self.of(tokens.flat_values, feature))
        if self._vocabulary is not None:
            return vocabulary_ids(tokens, self._vocabulary, self._oov_rows)
        if self._ids.hash_buckets:
            return hash_ids(tokens, self._ids.hash_buckets, self._ids.salt)
        if self._ids.range is None:
            return quantile_ids(tokens, self._boundaries)
        if self._ids.out_of_range == "oov_rows":
            return range_ids(tokens, self._ids.range, self._oov_rows)
        return _checked_range(tokens, self._ids.range, feature)


def vocabulary_lines(path: str, size: int) -> tf.lookup.StaticHashTable:
    """Returns the lookup of a vocabulary's file; other tokens get its size.

    Args:
        path: the path of the file, a token a line, in the order of ids.
        size: how many tokens it holds.
    """
    initializer = tf.lookup.TextFileInitializer(
        path,
        key_dtype=tf.string,
        key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
        value_dtype=tf.int64,
        value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    return tf.lookup.StaticHashTable(initializer, size)


def vocabulary_ids(
    tokens: tf.Tensor, vocabulary: VocabularyLookup, oov_rows: int
) -> tf.Tensor:
    """Returns the lines of tokens; others are hashed to out-of-vocabulary rows."""
    strings = text(tokens)
    ids = vocabulary.lines.lookup(strings)
    if oov_rows == 1:
        return ids
    oov = vocabulary.size + hash_ids(strings, oov_rows)
    return tf.where(ids < vocabulary.size, ids, oov)


def hash_ids(tokens: tf.Tensor, buckets: int, salt: str | None = None) -> tf.Tensor:
    """Returns the hash bucket of each token, with a salt before its text."""
    salted = text(tokens)
    if salt:
        salted = tf.strings.join([salt, salted])
    return tf.strings.to_hash_bucket_fast(salted, buckets)


def range_ids(tokens: tf.Tensor, size: int, oov_rows: int) -> tf.Tensor:
    """Returns ids as they are; others share the out-of-vocabulary rows by modulo."""
    is_inside = (tokens >= 0) & (tokens < size)
    return tf.where(is_inside, tokens, size + tf.math.floormod(tokens, oov_rows))


def _checked_range(ids: tf.Tensor, size: int, feature: str) -> tf.Tensor:
    """Returns ids as they are; one out of range is an error of the running graph."""
    outside = tf.boolean_mask(ids, (ids < 0) | (ids >= size))
    message = (
        f"Feature `{feature}`: an id is not in 0 to {size - 1}. Mend the "
        "data, widen `range`, or give `out_of_range: oov_rows`."
    )
    check = tf.debugging.Assert(tf.equal(tf.size(outside), 0), [message, outside[:3]])
    with tf.control_dependencies([check]):
        return tf.identity(ids)


def quantile_ids(
    tokens: tf.Tensor, boundaries: Sequence[int] | Sequence[float]
) -> tf.Tensor:
    """Returns the bucket of each number: how many boundaries are not above it."""
    if tokens.dtype == tf.float32:
        return tft.apply_buckets(tokens, tf.constant([boundaries], tf.float32))
    if not boundaries:  # there is one bucket
        return tf.zeros_like(tokens)
    ends = tf.constant(boundaries, tf.int64)
    return tf.searchsorted(ends, tokens, side="right", out_type=tf.int64)
