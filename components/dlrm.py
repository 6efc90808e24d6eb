"""The default dense model: a DLRM on embedding activations.

Every feature becomes one vector; a sequence becomes the mean of its rows. Pairwise dot
products of the vectors, and the vectors themselves, go through a multi-layer perceptron
to one logit. Naumov et al., "Deep Learning Recommendation Model for Personalization and
Recommendation Systems", 2019.

A wide model adds a linear term of the vectors to the logit. Cheng et al., "Wide & Deep
Learning for Recommender Systems", 2016.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_rs


class DLRM(keras.Model):
    """Activations of the embedding engine to one logit an example."""

    def __init__(
        self,
        hidden_units: Sequence[int] = (64, 32),
        dropout: float = 0.0,
        l2: float = 0.0,
        wide: bool = False,
    ):
        """Makes the layers.

        Args:
            hidden_units: sizes of the perceptron's hidden layers.
            dropout: part of the inputs and hidden units dropped in training.
            l2: weight penalty of the perceptron's kernels.
            wide: whether the vectors also reach the logit directly, as in a linear
                model; neither dropped nor penalized.
        """
        super().__init__()
        self._interaction = keras_rs.layers.DotInteraction()
        self._dropout = keras.layers.Dropout(dropout)
        self._hidden = [
            keras.layers.Dense(
                units, activation="relu", kernel_regularizer=keras.regularizers.L2(l2)
            )
            for units in hidden_units
        ]
        self._logit = keras.layers.Dense(
            1, kernel_regularizer=keras.regularizers.L2(l2)
        )
        self._linear = keras.layers.Dense(1, use_bias=False) if wide else None

    def build(self, activations_shape: Mapping[str, Sequence[int | None]]) -> None:
        """Checks that the features can be multiplied with each other.

        Args:
            activations_shape: shapes by feature.

        Raises:
            ValueError: if the features differ in dim.
        """
        dims = {name: shape[-1] for name, shape in sorted(activations_shape.items())}
        if len(set(dims.values())) > 1:
            listed = ", ".join(f"{name} {dim}" for name, dim in dims.items())
            raise ValueError(
                "DLRM multiplies features with each other and needs one dim for all, "
                f"got {listed}. Give their tables the same `dim`."
            )
        super().build(activations_shape)

    def call(self, activations: Mapping[str, Any], training: bool = False) -> Any:
        """Returns float32 [batch], logits.

        Args:
            activations: by feature, float32 [batch, dim] or, of a sequence,
                [batch, length, dim]; all of one dim.
            training: whether to drop units.
        """
        vectors = [
            _mean_of_rows(rows) if len(rows.shape) == 3 else rows
            for _, rows in sorted(activations.items())
        ]
        inputs = keras.ops.concatenate(vectors, axis=-1)
        products = self._interaction(vectors)
        hidden = keras.ops.concatenate([inputs, products], axis=-1)
        for layer in self._hidden:
            hidden = layer(self._dropout(hidden, training=training))
        logits = self._logit(self._dropout(hidden, training=training))
        if self._linear:
            logits += self._linear(inputs)
        return keras.ops.squeeze(logits, axis=-1)


def _mean_of_rows(rows: Any) -> Any:
    """Returns the mean of a sequence's rows; padding rows are all zero."""
    filled = keras.ops.any(keras.ops.not_equal(rows, 0.0), axis=-1, keepdims=True)
    count = keras.ops.sum(keras.ops.cast(filled, rows.dtype), axis=1)
    return keras.ops.sum(rows, axis=1) / keras.ops.maximum(count, 1.0)
