"""Refuses ids and weights before they are enqueued, for an engine that takes any.

A TPU is given ids as they are, and nobody says what it does with those outside of a
table. CPU hosts need none of this: they apply each table's policy themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.config.policies import usable_ids, usable_weights
from shardline.embedding.config.specs import FeatureSpec
from shardline.embedding.inputs.structure import is_dense


def refused_unless_usable(
    features: Sequence[FeatureSpec],
    ids: Mapping[str, Any],
    weights: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns ids and weights, checked as under the policy "error".

    Args:
        features: with the configuration's names for paths.
        ids: by feature, a Tensor, SparseTensor or RaggedTensor of int64.
        weights: None, or weights of the kind of the ids, by feature.

    Raises:
        tf.errors.InvalidArgumentError: while running, on an id outside of its table, or
            a weight that no pooling can use.
    """
    checked_ids, checked_weights = {}, {}
    for feature in features:
        of_feature, weight = ids[feature.path], weights[feature.path]
        table = feature.config.table
        flat = of_feature if is_dense(of_feature) else of_feature.values
        usable, _ = usable_ids(
            "error", flat, table.vocabulary_size, feature.path, feature.table_name
        )
        checked_ids[feature.path] = _with_values(of_feature, usable)
        if weight is not None:
            usable, _ = usable_weights(
                "error", weight.values, table.combiner, feature.path
            )
            weight = _with_values(weight, usable)
        checked_weights[feature.path] = weight
    return checked_ids, checked_weights


def _with_values(value: Any, values: tf.Tensor) -> Any:
    return values if is_dense(value) else value.with_values(values)
