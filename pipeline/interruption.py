"""Commands that are told to stop, by Ctrl-C or by SIGTERM, as one kind of thing."""

import contextlib
import signal
from collections.abc import Iterator


def interrupt(number: int, frame: object) -> None:
    """Handles a signal as Python handles Ctrl-C.

    Raises:
        KeyboardInterrupt: that names the signal.
    """
    raise KeyboardInterrupt(signal.Signals(number).name)


def exit_code_of(interruption: KeyboardInterrupt) -> int:
    """Returns the exit code of a command that a signal has ended."""
    name = str(interruption) or signal.SIGINT.name
    return 128 + signal.Signals[name]


@contextlib.contextmanager
def stops_as_at_ctrl_c() -> Iterator[None]:
    """Lets SIGTERM end what runs inside as Ctrl-C does, so that it is cleaned up."""
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
