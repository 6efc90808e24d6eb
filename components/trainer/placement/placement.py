"""What the Trainer asks of the machines that it trains on.

A placement says where rows lie, calls what uses the hosts, and knows what to do when
one is lost. Nothing else in the Trainer knows where it runs.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import tensorflow as tf

Result = TypeVar("Result")


class Attempt(Protocol):
    """What one call of a training tells of its progress."""

    def resumes_from(self, step: int) -> None:
        """Notes that training starts with the state after so many steps.

        Args:
            step: 0 for the very beginning.
        """

    def reached(self, step: int) -> None:
        """Notes that so many steps are done."""


class Placement(Protocol):
    """The machines of one training."""

    @property
    def hosts(self) -> list[str] | None:
        """TensorFlow CPU devices that hold the rows, host 0 first.

        None: those of the strategy.
        """

    def strategy(self) -> tf.distribute.Strategy | None:
        """Returns what a new learner is made under; None: one device computes all.

        What a learner made before has left on the devices is gone.
        """

    def run(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Calls a function that uses the hosts, such as a step or a save.

        Args:
            function: called with the other arguments, maybe by another thread.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            What the function returns.
        """

    def survive(self, train: Callable[[Attempt], Result]) -> Result:
        """Calls a training function, again after each loss of a host.

        Args:
            train: makes everything that lies on hosts anew, restores it, trains, and
                leaves no reference to it behind when it raises.

        Returns:
            What the function returns.
        """
