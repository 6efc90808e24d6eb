"""Transformed features as engine and dense model take them, in training and serving."""

from collections.abc import Mapping
from typing import Any

from components.features.outputs import weights_output
from configs.schema import FeatureSet


def engine_inputs(
    transformed: Mapping[str, Any], feature_set: FeatureSet
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the ids and the weights of every feature.

    Args:
        transformed: transformed columns of a batch.
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
        activations: of the engine, by feature.
        numbers: by name.

    Returns:
        The activations, and the numbers only if there are any, so that a model without
        need not take them.
    """
    return (activations, numbers) if numbers else (activations,)
