"""What the engine asks of the machinery below it."""

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf


class Backend(Protocol):
    """Looks up and updates the tables of one engine.

    Lists run over the features in their flattened order.
    """

    def enqueue(
        self,
        features: Sequence[Any],
        weights: Sequence[Any],
        training: bool,
    ) -> None:
        """Queues the ids of one batch. May block while the queue is full."""

    def dequeue(self) -> list[tf.Tensor]:
        """Returns the activations of the oldest queued batch, waiting for one.

        Float32 [batch, dim] a feature, or [batch, max_sequence_length, dim].

        Raises:
            tf.errors.InvalidArgumentError: if a training batch awaits gradients.
        """

    def send_gradients(self, gradients: Sequence[tf.Tensor]) -> None:
        """Updates the rows of the last training batch dequeued.

        Raises:
            tf.errors.InvalidArgumentError: if no training batch awaits gradients.
        """
