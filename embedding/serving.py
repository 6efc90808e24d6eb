"""Lookups for serving: the engine's numbers from stock TensorFlow ops.

Reads the inputs with the same code as training (`embedding.features`) and pools with
the same sparse product, so an exported model answers as the engine did.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from embedding import partition, pooling
from embedding.features import batch_size_of, flatten_inputs, lookup_of
from embedding.specs import FeatureSpec, flatten_features


@tf.autograph.experimental.do_not_convert
def serving_embedding_lookup(
    inputs: Any, weights: Any, tables: Mapping[Any, Any], feature_config: Any
) -> Any:
    """Looks up a batch of ids of any size.

    Args:
        inputs: nest like feature_config of ids, as `TPUEmbedding.enqueue` takes
            them. The batch size may be unknown while tracing.
        weights: None, or a nest of the same structure of None or weights.
        tables: parameters by TableConfig: `TPUEmbedding.embedding_tables`, or one
            tf.Variable [vocabulary_size, dim] a table.
        feature_config: the nest of FeatureConfig that the tables were trained with.

    Returns:
        Nest like feature_config of float32 [batch, dim], or
        [batch, max_sequence_length, dim] for sequences.

    Raises:
        ValueError: if structure, kinds or types of the inputs do not fit.
        tf.errors.InvalidArgumentError: if an id lies outside its table.
    """
    features = flatten_features(feature_config)
    flat = flatten_inputs(features, feature_config, inputs, weights)
    activations = [
        _activations(feature, ids, weight, tables[feature.config.table])
        for feature, ids, weight in zip(features, *flat, strict=True)
    ]
    return tf.nest.pack_sequence_as(feature_config, activations)


def _activations(feature: FeatureSpec, ids: Any, weights: Any, table: Any) -> tf.Tensor:
    lookup = lookup_of(feature, ids, weights)
    batch_size = batch_size_of(ids)
    shards = getattr(table, "variables", [table])
    starts = partition.first_rows(feature.config.table.vocabulary_size, len(shards))
    host_of_id = partition.hosts_of_rows(lookup.ids, starts)
    indices = tf.stack([lookup.rows, lookup.ids], axis=1)
    partial_sums = [
        pooling.pooled(
            own_indices - [0, start],
            own_coefficients,
            feature.rows(batch_size),
            shard,
        )
        for start, shard, own_indices, own_coefficients in zip(
            starts,
            shards,
            tf.dynamic_partition(indices, host_of_id, len(shards)),
            tf.dynamic_partition(lookup.coefficients, host_of_id, len(shards)),
            strict=True,
        )
    ]
    return tf.reshape(tf.add_n(partial_sums), feature.activation_shape(batch_size))
