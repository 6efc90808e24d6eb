"""A TPU, whose hosts hold the rows and whose cores compute the dense model."""

from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

from shardline.components.trainer.placement.logical import OnlyAttempt, call
from shardline.components.trainer.placement.placement import Attempt
from shardline.embedding.tpu.connection import connect

Result = TypeVar("Result")


class TPUHosts:
    """A TPU system; implements `placement.Placement`.

    A TPU that is lost, or taken back by its owner, ends the run. The next one goes on
    from the newest checkpoint set.
    """

    hosts = None

    def __init__(self, name: str):
        """Connects to the TPU, and starts it.

        Args:
            name: "local", or what else `embedding.tpu.connection.connect` takes.

        Raises:
            TPUMissingError: if there is none.
        """
        self._name = name
        # The cores would multiply in bfloat16, whose scores no served model repeats.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        # At once, for TensorFlow's runtime learns of the TPU when it starts.
        self._resolver = connect(name)

    def strategy(self) -> tf.distribute.Strategy:
        """Returns a strategy over all cores, whose memory is empty.

        Raises:
            TPUMissingError: if the TPU is there no more.
        """
        resolver = self._resolver or connect(self._name)
        # What a learner leaves on the TPU goes when the TPU is started again.
        self._resolver = None
        return tf.distribute.TPUStrategy(resolver)

    def run(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Calls a function, and returns what it returns."""
        return call(function, *args, **kwargs)

    def survive(self, train: Callable[[Attempt], Result]) -> Result:
        """Calls a training function once, and returns what it returns."""
        return train(OnlyAttempt())
