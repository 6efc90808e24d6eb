"""Lookups for serving: the engine's numbers from stock TensorFlow ops.

Reads the inputs with the same code as training (`embedding.features`) and pools with
the same sparse product, so an exported model answers as the engine did.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from embedding import partition, pooling
from embedding.autograph import not_converted
from embedding.features import Lookup, lookup_of, shape_of
from embedding.inputs import as_input, check_inputs
from embedding.policies import Policies
from embedding.shapes import output_shape
from embedding.specs import FeatureSpec, flatten_features, leaf_paths


@not_converted
def serving_embedding_lookup(
    inputs: Any,
    weights: Any,
    tables: Mapping[Any, Any],
    feature_config: Any,
    policies: Policies | None = None,
) -> Any:
    """Looks up a batch of ids of any size.

    Args:
        inputs: nest like feature_config, or like a part of it, of ids as
            `TPUEmbedding.enqueue` takes them. The batch size may be unknown while
            tracing.
        weights: None, or a nest like inputs of None or weights.
        tables: parameters by TableConfig: `TPUEmbedding.embedding_tables`, or one
            tf.Variable [vocabulary_size, dim] a table. On as many hosts as the engine
            had, the numbers are the engine's bit for bit; else they differ by rounding.
        feature_config: the nest of FeatureConfig that the tables were trained with.
        policies: those the tables were trained with, see `embedding.policies`.

    Returns:
        Nest like inputs of float32 [batch, dim], or
        [batch, max_sequence_length, dim] for sequences, or output_shape + [dim].

    Raises:
        ValueError: if structure, kinds or types of the inputs do not fit, or tables
            are missing.
        tf.errors.InvalidArgumentError: while running, on ids or weights that a
            table's policy refuses.
    """
    features = _features_of(inputs, flatten_features(feature_config, policies))
    flat_inputs = [as_input(ids) for ids in tf.nest.flatten(inputs)]
    flat_weights = [None] * len(flat_inputs)
    if weights is not None:
        tf.nest.assert_same_structure(inputs, weights)
        flat_weights = tf.nest.flatten(weights)
    check_inputs(
        features,
        flat_inputs,
        flat_weights,
        mismatch="of type {} but it does not match type of the input which is {}",
    )
    _check_tables(features, tables)
    activations = [
        _activations(feature, ids, weight, tables[feature.config.table])
        for feature, ids, weight in zip(
            features, flat_inputs, flat_weights, strict=True
        )
    ]
    return tf.nest.pack_sequence_as(inputs, activations)


def _features_of(inputs: Any, features: list[FeatureSpec]) -> list[FeatureSpec]:
    """Returns the feature of each input."""
    known = {feature.path: feature for feature in features}
    paths = leaf_paths(inputs)
    unknown = sorted(set(paths) - set(known))
    if unknown:
        raise ValueError(
            f"Inputs are not a subset of feature_config: {unknown} are no features. "
            f"The features are {sorted(known)}."
        )
    return [known[path] for path in paths]


def _check_tables(features: list[FeatureSpec], tables: Mapping[Any, Any]) -> None:
    missing = sorted({f.table_name for f in features if f.config.table not in tables})
    if missing:
        raise ValueError(
            f"No values for the tables {missing}: `tables` must be keyed by the "
            "TableConfig objects of this feature_config, not by equal ones."
        )


def _activations(feature: FeatureSpec, ids: Any, weights: Any, table: Any) -> tf.Tensor:
    lookup = lookup_of(feature, ids, weights)
    shape = shape_of(feature, ids)
    shards = getattr(table, "variables", [table])
    starts = partition.first_rows(feature.config.table.vocabulary_size, len(shards))
    partial_sums = [
        _pooled(feature, part, start, shard, tf.reduce_prod(shape))
        for start, shard, part in zip(starts, shards, lookup.split(starts), strict=True)
    ]
    pooled = tf.reshape(
        tf.add_n(partial_sums), tf.concat([shape, [feature.config.table.dim]], axis=0)
    )
    return tf.ensure_shape(pooled, _static_shape(feature, ids))


def _static_shape(feature: FeatureSpec, ids: Any) -> tf.TensorShape:
    shape = feature.config.output_shape
    if not isinstance(ids, tf.RaggedTensor) or shape.rank is None:
        shape = output_shape(feature, ids.shape)
    return shape.concatenate(feature.config.table.dim)


def _pooled(
    feature: FeatureSpec, lookup: Lookup, start: int, shard: Any, rows: tf.Tensor
) -> tf.Tensor:
    """Returns what one shard adds to the activations: float32 [rows, dim]."""
    quantization = feature.config.table.quantization_config
    positions = lookup.ids - start
    if quantization is not None:
        # The touched rows only; the whole table would be rounded at every request.
        shard = pooling.quantized(quantization, tf.gather(shard, positions))
        positions = tf.range(tf.size(positions, tf.int64))
    indices = tf.stack([lookup.segment_ids, positions], axis=1)
    return pooling.pooled(indices, lookup.coefficients, rows, shard)
