"""Which part of each batch a host reads, where several devices learn from one batch.

A step learns from one batch, whatever it runs on. Devices that compute it together get
equal parts of it, its first examples the first device, so that what a step has learnt
from does not depend on how many there are.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import tensorflow as tf


class Share(NamedTuple):
    """The parts of each batch that one host reads.

    Attributes:
        parts: into how many equal parts a batch is cut.
        first: the first part that the host reads, counted from 0.
        stop: the part after the last one that it reads.
    """

    parts: int = 1
    first: int = 0
    stop: int = 1

    def of(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the host's parts of each batch, one after the other.

        Args:
            batches: tensors, or structures of them, whose first dimension is that of
                the batch, a multiple of `parts`.
        """
        if self.parts == 1:
            return batches

        def cut(*batch: tf.Tensor) -> Any:
            mine = tuple(
                tf.reshape(each, [self.parts, -1])[self.first : self.stop]
                for each in batch
            )
            return mine if len(mine) > 1 else mine[0]

        return batches.map(cut, tf.data.AUTOTUNE).unbatch()


# How a placement gives batches to what learns from them: of a function that reads a
# host's share, an iterable over the batches of all hosts.
Distribute = Callable[[Callable[[Share], tf.data.Dataset]], Iterable[Any]]


def undistributed(read: Callable[[Share], tf.data.Dataset]) -> tf.data.Dataset:
    """Returns whole batches, for what learns in one place."""
    return read(Share())
