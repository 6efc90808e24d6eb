"""The rival: the same model with stock Keras embedding layers, exported by Keras.

As a Keras user writes it, in the form that answers fastest of those that were tried:
ids of a bag are padded, `keras.layers.Embedding` looks all of them up, and one batched
product with the bag's coefficients, zero where it is padded, pools them. Transform
graph, dense model and values are ours.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from shardline.components.features.graph.outputs import weights_output
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.model.engine_inputs import number_inputs
from shardline.configs.schema import Feature, FeatureSet


class KerasModel(keras.Model):
    """Padded ids to scores."""

    def __init__(
        self,
        features: FeatureSet,
        tables: Mapping[str, np.ndarray],
        dense: keras.Model,
    ):
        """Takes over the values of a trained model.

        Args:
            features: the specification.
            tables: float32 [rows, dim] by name.
            dense: the dense model, built.
        """
        super().__init__()
        self._features = features
        self._embeddings = {}
        for name, rows in tables.items():
            layer = keras.layers.Embedding(*rows.shape, name=name)
            layer.build()
            layer.set_weights([rows])
            self._embeddings[name] = layer
        self._dense = dense
        self.built = True

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Returns scores: float32 [batch].

        Args:
            inputs: `ids` by feature, int64 [batch] or padded [batch, length];
                `coefficients` of those that are padded, float32 alike; `numbers`.
        """
        activations = {}
        for name, feature in self._features.features.items():
            rows = self._embeddings[feature.table](inputs["ids"][name])
            if feature.max_sequence_length:
                rows *= inputs["coefficients"][name][..., None]
            elif feature.is_ragged:
                coefficients = inputs["coefficients"][name][:, None, :]
                rows = keras.ops.squeeze(keras.ops.matmul(coefficients, rows), axis=1)
            activations[name] = rows
        logits = self._dense(activations, inputs["numbers"], training=False)
        return keras.ops.sigmoid(logits)


def export_keras(
    folder: Path,
    features: FeatureSet,
    transform_output: tft.TFTransformOutput,
    tables: Mapping[str, np.ndarray],
    dense: keras.Model,
) -> None:
    """Writes the rival's SavedModel, with the signature `serving_default`.

    Args:
        folder: to write.
        features: the specification.
        transform_output: its transform graph.
        tables: float32 [rows, dim] by name.
        dense: the dense model, built.
    """
    model = KerasModel(features, tables, dense)
    transform = TransformGraph(transform_output, features)

    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        transformed = transform(transform.parse(examples))
        return {"scores": model(padded_inputs(transformed, features))}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.track(transform)
    archive.add_endpoint(
        name="serving_default",
        fn=serve,
        input_signature=[tf.TensorSpec([None], tf.string, name="examples")],
    )
    archive.write_out(str(folder), verbose=False)


def padded_inputs(
    transformed: Mapping[str, Any], features: FeatureSet
) -> dict[str, dict[str, Any]]:
    """Returns what `KerasModel` takes.

    Args:
        transformed: columns of a batch, as the transform graph gives them.
        features: the specification.
    """
    ids: dict[str, Any] = {}
    coefficients: dict[str, Any] = {}
    for name, feature in features.features.items():
        ids[name] = transformed[name]
        if feature.is_ragged:
            shape = [None, feature.max_sequence_length]
            weights = None
            if feature.weights:
                weights = transformed[weights_output(name)].to_tensor(shape=shape)
            coefficients[name] = _coefficients(
                feature, features, transformed[name], weights
            )
            ids[name] = transformed[name].to_tensor(shape=shape)
    numbers = number_inputs(transformed, features)
    return {"ids": ids, "coefficients": coefficients, "numbers": numbers}


def _coefficients(
    feature: Feature, features: FeatureSet, ids: tf.RaggedTensor, weights: Any
) -> tf.Tensor:
    """Returns what each padded row is multiplied with: float32 [batch, length]."""
    if weights is None:
        lengths = tf.cast(ids.row_lengths(), tf.int32)
        weights = tf.sequence_mask(lengths, feature.max_sequence_length, tf.float32)
    if feature.max_sequence_length:
        return weights
    divisor = {
        "sum": lambda: 1.0,
        "mean": lambda: tf.reduce_sum(weights, axis=1, keepdims=True),
        "sqrtn": lambda: tf.norm(weights, axis=1, keepdims=True),
    }[features.combiner_of(feature.table)]()
    return tf.math.divide_no_nan(weights, divisor)
