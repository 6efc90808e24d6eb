"""The default dense model: a DLRM on embedding activations.

Every feature becomes one vector; a sequence becomes the mean of its rows. Pairwise dot
products of the vectors, and the vectors themselves, go through a multi-layer perceptron
to one logit. Naumov et al., "Deep Learning Recommendation Model for Personalization and
Recommendation Systems", 2019.
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
    ):
        """Makes the layers.

        Args:
            hidden_units: sizes of the perceptron's hidden layers.
            dropout: part of the inputs and hidden units dropped in training.
            l2: weight penalty of the perceptron's kernels.
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
        hidden = keras.ops.concatenate([*vectors, self._interaction(vectors)], axis=-1)
        for layer in self._hidden:
            hidden = layer(self._dropout(hidden, training=training))
        logits = self._logit(self._dropout(hidden, training=training))
        return keras.ops.squeeze(logits, axis=-1)


def _mean_of_rows(rows: Any) -> Any:
    """Returns the mean of a sequence's rows; padding rows are all zero."""
    filled = keras.ops.any(keras.ops.not_equal(rows, 0.0), axis=-1, keepdims=True)
    count = keras.ops.sum(keras.ops.cast(filled, rows.dtype), axis=1)
    return keras.ops.sum(rows, axis=1) / keras.ops.maximum(count, 1.0)
