"""The transform graph's making: raw columns to ids and numbers, from known statistics.

Each table has one vocabulary, counted over all its features together, so that a token
has the same id wherever it occurs. Ids below the vocabulary's size are its tokens, the
most frequent first; the table's out-of-vocabulary rows follow. The statistics come
from the analysis; the graph itself analyses nothing, which keeps it small and quick to
make.
"""

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.graph.numbers import scaled
from shardline.components.features.graph.outputs import EXAMPLE_WEIGHT, weights_output
from shardline.components.features.ids.tensor_tokens import (
    feature_tokens,
    feature_weights,
    text,
)
from shardline.configs.schema import Feature, Preprocessing


def transformed_columns(
    columns: Mapping[str, Any],
    preprocessing: Preprocessing,
    statistics: FeatureStatistics,
    vocabularies: str,
) -> dict[str, Any]:
    """Turns raw columns into what models take.

    Args:
        columns: raw columns as the schema represents them: [batch] or ragged.
        preprocessing: the features, numbers and tables to preprocess.
        statistics: of the training examples.
        vocabularies: folder with a file of tokens for each table that has one.

    Returns:
        By feature name int64 ids, [batch] or ragged and at most max_sequence_length
        long; `<feature>.weights` float32, ragged; by number name float32 [batch]; the
        label float32 [batch], and `example_weight` likewise if the data has one.
    """
    known = _Known(preprocessing, statistics, vocabularies)
    target = preprocessing.target
    outputs = {target.label: columns[target.label]}
    if target.example_weight:
        outputs[EXAMPLE_WEIGHT] = columns[target.example_weight]
    for name, feature in preprocessing.features.items():
        tokens = feature_tokens(name, feature, columns)
        to_ids = _ID_KINDS[feature.ids.kind]
        outputs[name] = to_ids(tokens, name, feature, known)
        if feature.weights:
            outputs[weights_output(name)] = feature_weights(name, feature, columns)
    for name, number in preprocessing.numbers.items():
        values = columns[number.column or name]
        outputs[name] = scaled(values, number, statistics.numbers[name])
    return outputs


class _Known:
    """What is known before the graph is made."""

    def __init__(
        self,
        preprocessing: Preprocessing,
        statistics: FeatureStatistics,
        vocabularies: str,
    ):
        self.rules = preprocessing.vocabularies
        self.statistics = statistics
        self._folder = vocabularies
        self._lookups: dict[str, tf.lookup.StaticHashTable] = {}

    def lookup(self, table: str) -> tf.lookup.StaticHashTable:
        """Returns the lookup of a table's vocabulary, one for all its features.

        What is not in the vocabulary gets the vocabulary's size. The lookup is made
        outside the graph and tracked by it, or its file would be no asset.
        """

        def made() -> tf.lookup.StaticHashTable:
            lines = tf.lookup.TextFileInitializer(
                os.path.join(self._folder, table),
                key_dtype=tf.string,
                key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
                value_dtype=tf.int64,
                value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
            )
            return tf.lookup.StaticHashTable(
                lines, self.statistics.vocabularies[table].size
            )

        if table not in self._lookups:
            self._lookups[table] = tft.make_and_track_object(made, name=table)
        return self._lookups[table]


def _by_vocabulary(tokens: Any, _: str, feature: Feature, known: _Known) -> Any:
    size = known.statistics.vocabularies[feature.table].size
    oov_rows = known.rules[feature.table].oov_rows
    lookup = known.lookup(feature.table)

    def looked_up(values: tf.Tensor) -> tf.Tensor:
        strings = text(values)
        ids = lookup.lookup(strings)
        if oov_rows == 1:
            return ids
        oov = size + tf.strings.to_hash_bucket_fast(strings, oov_rows)
        return tf.where(ids < size, ids, oov)

    return _map_flat(looked_up, tokens)


def _by_hash(tokens: Any, _: str, feature: Feature, known: _Known) -> Any:
    def hashed(values: tf.Tensor) -> tf.Tensor:
        salted = text(values)
        if feature.ids.salt:
            salted = tf.strings.join([feature.ids.salt, salted])
        return tf.strings.to_hash_bucket_fast(salted, feature.ids.hash_buckets)

    return _map_flat(hashed, tokens)


def _by_range(tokens: Any, name: str, feature: Feature, known: _Known) -> Any:
    size = feature.ids.range or 0

    def checked(ids: tf.Tensor) -> tf.Tensor:
        is_inside = (ids >= 0) & (ids < size)
        if feature.ids.out_of_range == "oov_rows":
            oov_rows = known.rules[feature.table].oov_rows
            return tf.where(is_inside, ids, size + tf.math.floormod(ids, oov_rows))
        message = (
            f"Feature `{name}`: an id is not in 0 to {size - 1}. Mend the "
            "data, widen `range`, or give `out_of_range: oov_rows`."
        )
        outside = tf.boolean_mask(ids, ~is_inside)
        check = tf.debugging.Assert(
            tf.equal(tf.size(outside), 0), [message, outside[:3]]
        )
        with tf.control_dependencies([check]):
            return tf.identity(ids)

    return _map_flat(checked, tokens)


def _by_quantiles(tokens: Any, _: str, feature: Feature, known: _Known) -> Any:
    ends = known.statistics.boundaries[feature.table]

    def bucketized(values: tf.Tensor) -> tf.Tensor:
        if values.dtype == tf.float32:
            return tft.apply_buckets(values, tf.constant([ends], tf.float32))
        if not ends:  # of one bucket
            return tf.zeros_like(values)
        whole = tf.constant(ends, tf.int64)
        return tf.searchsorted(whole, values, side="right", out_type=tf.int64)

    return _map_flat(bucketized, tokens)


_ID_KINDS = {
    "vocabulary": _by_vocabulary,
    "hash": _by_hash,
    "range": _by_range,
    "quantiles": _by_quantiles,
}


def _map_flat(function: Any, values: Any) -> Any:
    """Applies a function to the values of a tensor or of a ragged tensor."""
    if isinstance(values, tf.RaggedTensor):
        return values.with_flat_values(function(values.flat_values))
    return function(values)
