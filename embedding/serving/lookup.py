"""Lookups for serving: the engine's numbers from stock TensorFlow ops.

Reads the inputs with the same code as training (`inputs.lookups`) and pools with
the same sparse product, so an exported model answers as the engine did.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from shardline.embedding.autograph import not_converted
from shardline.embedding.config.policies import Policies
from shardline.embedding.config.shapes import output_shape
from shardline.embedding.config.specs import FeatureSpec, flatten_features, leaf_paths
from shardline.embedding.inputs.assertions import after
from shardline.embedding.inputs.lookups import Lookup
from shardline.embedding.inputs.structure import as_input, check_inputs
from shardline.embedding.serving.checks import FeatureRequest, request_checks
from shardline.embedding.serving.requests import (
    PooledRequest,
    UnpooledRequest,
    is_read_here,
    read,
    read_as_in_training,
)
from shardline.embedding.serving.rows import pooled_activations, unpooled_activations
from shardline.embedding.serving.tables import ServingTable
from shardline.embedding.tables import partition, pooling


@not_converted
def serving_embedding_lookup(
    inputs: Any,
    weights: Any,
    tables: Mapping[Any, Any],
    feature_config: Any,
    policies: Policies | None = None,
    *,
    row_splits_known: bool = False,
) -> Any:
    """Looks up a batch of ids of any size.

    Args:
        inputs: nest like feature_config, or like a part of it, of ids as
            `TPUEmbedding.enqueue` takes them. The batch size may be unknown while
            tracing.
        weights: None, or a nest like inputs of None or weights.
        tables: by TableConfig: `embedding.serving.tables.ServingTable`, or parameters:
            `TPUEmbedding.embedding_tables`, or one tf.Variable [vocabulary_size, dim] a
            table. A ServingTable of float32, and parameters on as many hosts as the
            engine had, give the numbers of the engine bit for bit; others differ from
            them by rounding.
        feature_config: the nest of FeatureConfig that the tables were trained with.
        policies: those the tables were trained with, see `embedding.config.policies`.
        row_splits_known: True if the caller has checked the row splits of ragged ids,
            or computed them. Lookups in a ServingTable then do not check them again.

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
    requests = _requests(features, inputs, weights)
    _check_tables(features, tables)
    tables_of_requests = [tables[feature.config.table] for feature in features]
    in_few_ops = [
        isinstance(table, ServingTable) and is_read_here(request)
        for request, table in zip(requests, tables_of_requests, strict=True)
    ]
    unchecked = list(itertools.compress(requests, in_few_ops))
    with after(*request_checks(unchecked, splits_known=row_splits_known)):
        activations = list(map(_activations, requests, tables_of_requests, in_few_ops))
    return tf.nest.pack_sequence_as(inputs, activations)


def _requests(
    features: list[FeatureSpec], inputs: Any, weights: Any
) -> list[FeatureRequest]:
    """Returns the request for each feature, its types and static shapes checked."""
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
    return list(map(FeatureRequest, features, flat_inputs, flat_weights))


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


def _activations(request: FeatureRequest, table: Any, in_few_ops: bool) -> tf.Tensor:
    """Returns the activations of one feature: float32, as `_static_shape`."""
    feature = request.feature
    table_request = read(request) if in_few_ops else read_as_in_training(request)
    if isinstance(table_request, UnpooledRequest):
        activations = unpooled_activations(feature, table_request, table)
    else:
        pool = (
            pooled_activations if isinstance(table, ServingTable) else _sums_over_shards
        )
        activations = pool(feature, table_request, table)
        if table_request.shape is not None:
            shape = tf.concat([table_request.shape, [feature.config.table.dim]], axis=0)
            activations = tf.reshape(activations, shape)
    activations.set_shape(_static_shape(feature, request.ids))
    return activations


def _sums_over_shards(
    feature: FeatureSpec, request: PooledRequest, table: Any
) -> tf.Tensor:
    shards = getattr(table, "variables", [table])
    starts = partition.first_rows(feature.config.table.vocabulary_size, len(shards))
    return pooling.sum_in_order(
        [
            _pooled(feature, lookup, start, shard, request.bag_count)
            for start, shard, lookup in zip(
                starts, shards, request.lookup.split(starts), strict=True
            )
        ]
    )


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
