"""The default dense model: a DLRM on embedding activations and numbers.

Every feature becomes one vector; a sequence becomes the mean of its rows. A bottom
perceptron makes one more vector of the numbers, if there are any. Pairwise dot products
of the vectors, and the vectors themselves, go through a multi-layer perceptron to one
logit. Naumov et al., "Deep Learning Recommendation Model for Personalization and
Recommendation Systems", 2019.

A wide model adds a linear term of the vectors to the logit. Cheng et al., "Wide & Deep
Learning for Recommender Systems", 2016.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class DLRM(keras.Model):
    """Activations of the embedding engine, and numbers, to one logit an example."""

    def __init__(
        self,
        hidden_units: Sequence[int] = (64, 32),
        dropout: float = 0.0,
        l2: float = 0.0,
        wide: bool = False,
        bottom_units: Sequence[int] = (),
        vectors_to_top: bool = True,
    ):
        """Makes the layers.

        Args:
            hidden_units: sizes of the perceptron's hidden layers.
            dropout: part of the inputs and hidden units dropped in training.
            l2: weight penalty of the perceptrons' kernels.
            wide: whether the vectors also reach the logit directly, as in a linear
                model; neither dropped nor penalized.
            bottom_units: sizes of the bottom perceptron's layers, the last one the
                features' dim. Default if there are numbers: the first of
                `hidden_units`, and the features' dim.
            vectors_to_top: whether the features' vectors go through the perceptron
                beside their products. False: only the vector of the numbers does, as
                in the paper; much less work for many features.
        """
        super().__init__()
        self._dropout = keras.layers.Dropout(dropout)
        self._bottom = [_hidden_layer(units, l2) for units in bottom_units]
        self._hidden = [_hidden_layer(units, l2) for units in hidden_units]
        self._logit = keras.layers.Dense(1, kernel_regularizer=_penalty(l2))
        self._linear = keras.layers.Dense(1, use_bias=False) if wide else None
        self._vectors_to_top = vectors_to_top
        self._hidden_units, self._l2 = tuple(hidden_units), l2

    def build(
        self,
        activations_shape: Mapping[str, Sequence[int | None]],
        numbers_shape: Mapping[str, Sequence[int | None]] | None = None,
    ) -> None:
        """Checks that the vectors can be multiplied, and makes the default bottom.

        Args:
            activations_shape: shapes by feature.
            numbers_shape: shapes by name.

        Raises:
            ValueError: if the features differ in dim, or `bottom_units` do not fit the
                numbers and the features.
        """
        dims: dict[str, Any] = {
            name: shape[-1] for name, shape in sorted(activations_shape.items())
        }
        if len(set(dims.values())) > 1:
            listed = ", ".join(f"{name} {dim}" for name, dim in dims.items())
            raise ValueError(
                "DLRM multiplies features with each other and needs one dim for all, "
                f"got {listed}. Give their tables the same `dim`."
            )
        if numbers_shape and not self._bottom:
            units = [*self._hidden_units[:1], next(iter(dims.values()))]
            self._bottom = [_hidden_layer(size, self._l2) for size in units]
        if self._bottom and not numbers_shape:
            raise ValueError(
                "DLRM makes a vector of numbers with `bottom_units`, got units and no "
                "numbers. Leave the units out."
            )
        for name, dim in dims.items():
            if self._bottom and self._bottom[-1].units != dim:
                raise ValueError(
                    "DLRM multiplies the numbers' vector with the features: the last "
                    f"of `bottom_units` is {self._bottom[-1].units}, the dim of "
                    f"{name} is {dim}. Make them equal."
                )
        super().build(activations_shape)

    def call(
        self,
        activations: Mapping[str, Any],
        numbers: Mapping[str, Any] | None = None,
        training: bool = False,
    ) -> Any:
        """Returns float32 [batch], logits.

        Args:
            activations: by feature, float32 [batch, dim] or, of a sequence,
                [batch, length, dim]; all of one dim.
            numbers: the numbers by name, float32 [batch] or [batch, k].
            training: whether to drop units.
        """
        vectors = [
            _mean_of_rows(rows) if len(rows.shape) == 3 else rows
            for _, rows in sorted(activations.items())
        ]
        direct = vectors if self._vectors_to_top else []
        if numbers:
            bottom = _side_by_side(numbers)
            for layer in self._bottom:
                bottom = layer(bottom)
            vectors, direct = [*vectors, bottom], [*direct, bottom]
        products = _learnt_products if training else _products
        hidden = keras.ops.concatenate([*direct, products(*vectors)], axis=-1)
        for layer in self._hidden:
            hidden = layer(self._dropout(hidden, training=training))
        logits = self._logit(self._dropout(hidden, training=training))
        if self._linear:
            logits += self._linear(keras.ops.concatenate(vectors, axis=-1))
        return keras.ops.squeeze(logits, axis=-1)


def _hidden_layer(units: int, l2: float) -> keras.layers.Dense:
    return keras.layers.Dense(units, activation="relu", kernel_regularizer=_penalty(l2))


def _penalty(l2: float) -> keras.regularizers.Regularizer | None:
    # A penalty of zero would still be computed, and its gradient.
    return keras.regularizers.L2(l2) if l2 else None


def _side_by_side(numbers: Mapping[str, Any]) -> Any:
    """Returns all numbers as one tensor: float32 [batch, count], by name."""
    columns = [
        values if len(values.shape) == 2 else keras.ops.expand_dims(values, -1)
        for _, values in sorted(numbers.items())
    ]
    return keras.ops.concatenate(columns, axis=-1)


def _products(*vectors: tf.Tensor) -> tf.Tensor:
    """Returns the dot products of each two of n vectors: [batch, n * (n - 1) / 2]."""
    n = len(vectors)
    rows = tf.stack(vectors, axis=1)
    products = tf.matmul(rows, rows, transpose_b=True)
    places = np.arange(n * n).reshape(n, n)[np.tril_indices(n, -1)]
    return tf.gather(tf.reshape(products, [-1, n * n]), places, axis=1)


def _gradients_of_products(upstream: tf.Tensor, *vectors: tf.Tensor) -> list[tf.Tensor]:
    """Returns the gradient of each vector, given that of `_products`."""
    n = len(vectors)
    # A product's gradient goes to both of its vectors; the last place holds a zero.
    places = np.full([n, n], n * (n - 1) // 2)
    places[np.tril_indices(n, -1)] = np.arange(n * (n - 1) // 2)
    places = np.minimum(places, places.T)
    padded = tf.pad(upstream, [[0, 0], [0, 1]])
    symmetric = tf.reshape(tf.gather(padded, places.ravel(), axis=1), [-1, n, n])
    products = tf.matmul(symmetric, tf.stack(vectors, axis=1))
    gradients: list[tf.Tensor] = tf.unstack(products, axis=1)
    return gradients


# Compiled, and with a gradient that is one product of matrices, not two and a scatter,
# the interaction takes less than half the time of TensorFlow's own gradient.
_compiled_products = tf.function(_products, jit_compile=True)
_compiled_gradients = tf.function(_gradients_of_products, jit_compile=True)


@tf.custom_gradient
def _learnt_products(*vectors: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Returns what `_products` does; faster where gradients are asked for."""

    def gradients(upstream: tf.Tensor) -> list[tf.Tensor]:
        of_vectors: list[tf.Tensor] = _compiled_gradients(upstream, *vectors)
        return of_vectors

    return _compiled_products(*vectors), gradients


def _mean_of_rows(rows: Any) -> Any:
    """Returns the mean of a sequence's rows; padding rows are all zero."""
    filled = keras.ops.any(keras.ops.not_equal(rows, 0.0), axis=-1, keepdims=True)
    count = keras.ops.sum(keras.ops.cast(filled, rows.dtype), axis=1)
    return keras.ops.sum(rows, axis=1) / keras.ops.maximum(count, 1.0)
