"""Hosts of this process, which nobody can lose."""

from collections.abc import Callable
from typing import Any, TypeVar

from shardline.components.trainer.placement.placement import Attempt
from shardline.embedding import configure_logical_hosts

Result = TypeVar("Result")


class LogicalHosts:
    """Logical CPUs of this process; implements `placement.Placement`."""

    def __init__(self, count: int):
        """Makes this process hold so many.

        Args:
            count: at least 1.

        Raises:
            RuntimeError: if TensorFlow runs with fewer already.
        """
        self._hosts = configure_logical_hosts(count)

    @property
    def hosts(self) -> list[str]:
        """The logical CPUs, host 0 first."""
        return self._hosts

    def strategy(self) -> None:
        """Returns None: the dense model is computed in this process alone."""

    def run(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Calls a function, and returns what it returns."""
        return call(function, *args, **kwargs)

    def survive(self, train: Callable[[Attempt], Result]) -> Result:
        """Calls a training function once, and returns what it returns."""
        return train(OnlyAttempt())


class OnlyAttempt:
    """An attempt after which there is none, so that nobody asks how far it came."""

    def resumes_from(self, step: int) -> None:
        """Takes no note."""

    def reached(self, step: int) -> None:
        """Takes no note."""


def call(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Calls a function with the other arguments, in this thread and unwatched."""
    return function(*args, **kwargs)
