"""Transformed features as engine and dense model take them, in training and serving."""

from collections.abc import Mapping
from typing import Any

from shardline.components.features.graph.outputs import weights_output
from shardline.configs.schema import FeatureSet


def engine_inputs(
    transformed: Mapping[str, Any], feature_set: FeatureSet
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the ids and the weights of every feature, as training takes them.

    Args:
        transformed: transformed columns of a batch.
        feature_set: the features.

    Returns:
        By feature name: ids, dense [batch], ragged, or sparse where they have weights;
        and weights, sparse, or None.
    """
    ids, weights = ragged_inputs(transformed, feature_set)
    for name, ragged in weights.items():
        if ragged is not None:
            ids[name], weights[name] = ids[name].to_sparse(), ragged.to_sparse()
    return ids, weights


def ragged_inputs(
    transformed: Mapping[str, Any], feature_set: FeatureSet
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the same ids and weights in the fewest ops, as serving takes them.

    Args:
        transformed: transformed columns of a batch.
        feature_set: the features.

    Returns:
        By feature name: ids, dense [batch] or ragged; and weights, ragged, or None.
    """
    features = feature_set.features.items()
    ids = {name: transformed[name] for name, _ in features}
    weights = {
        name: transformed[weights_output(name)] if feature.weights else None
        for name, feature in features
    }
    return ids, weights


def number_inputs(
    transformed: Mapping[str, Any], feature_set: FeatureSet
) -> dict[str, Any]:
    """Returns the numbers of the dense model, by name: float32 [batch]."""
    return {name: transformed[name] for name in feature_set.numbers}


def model_arguments(
    activations: Mapping[str, Any], numbers: Mapping[str, Any]
) -> tuple[Mapping[str, Any], ...]:
    """Returns what a dense model is called with.

    Args:
        activations: the activations of the engine, by feature.
        numbers: the numbers by name.

    Returns:
        The activations, and the numbers only if there are any, so that a model without
        need not take them.
    """
    return (activations, numbers) if numbers else (activations,)
