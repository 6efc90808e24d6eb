"""Transformed features as the engine takes them, in training and in serving."""

from collections.abc import Mapping
from typing import Any

from components.features.preprocessing import weights_output
from configs.schema import FeatureSet


def engine_inputs(
    transformed: Mapping[str, Any], feature_set: FeatureSet
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the ids and the weights of every feature.

    Args:
        transformed: outputs of `preprocessing_fn` for a batch.
        feature_set: the specification.

    Returns:
        By feature name: ids, dense [batch], ragged, or sparse where they have weights;
        and weights, sparse, or None.
    """
    ids: dict[str, Any] = {}
    weights: dict[str, Any] = {}
    for name, feature in feature_set.features.items():
        ids[name], weights[name] = transformed[name], None
        if feature.weights:
            ids[name] = transformed[name].to_sparse()
            weights[name] = transformed[weights_output(name)].to_sparse()
    return ids, weights
