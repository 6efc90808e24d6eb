"""Processes that serve until they are told to stop, and then end well."""

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stops_noted() -> Iterator[Callable[[], bool]]:
    """Has SIGTERM and SIGINT be noted, where they would end the process.

    For the main thread. What it yields tells whether one has come. Ask again and again:
    a signal that a thread of TensorFlow takes does not wake this one.
    """
    stops: list[int] = []
    signals = signal.SIGTERM, signal.SIGINT
    before = {
        number: signal.signal(number, lambda number, _: stops.append(number))
        for number in signals
    }
    try:
        yield lambda: bool(stops)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
