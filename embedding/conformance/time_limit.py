"""Calls with a limit: on a TPU a missing call does not fail, it waits for ever."""

import dataclasses
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")

DEFAULT_S = 300.0


class NoAnswerError(RuntimeError):
    """A call did not return in time; its thread may wait on for ever."""


@dataclasses.dataclass(frozen=True)
class TimeLimit:
    """How long one call may take.

    Attributes:
        seconds: the limit.
    """

    seconds: float = DEFAULT_S

    def call(
        self, what: str, function: Callable[..., Result], *arguments: Any
    ) -> Result:
        """Calls a function, in a thread of its own.

        Scopes of the calling thread, such as `tf.device`, do not reach it.

        Args:
            what: what the call does, for the error.
            function: called with the other arguments.
            *arguments: its arguments.

        Raises:
            NoAnswerError: if it does not return in time.
        """
        results: list[Result] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(function(*arguments))
            # Whatever it is, it belongs to the thread that waits.
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, name=what, daemon=True)
        thread.start()
        thread.join(self.seconds)
        if thread.is_alive():
            raise NoAnswerError(f"{what} did not return within {self.seconds:g} s")
        if errors:
            raise errors[0]
        return results[0]
