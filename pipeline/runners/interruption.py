"""Interruptions of a command: Ctrl-C and SIGTERM, handled alike."""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

# How long a process that is told to end may take before it is killed, in seconds.
END_WITHIN_S = 10.0
_AGAIN_S = 0.1


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


def end_interrupted(interruption: KeyboardInterrupt) -> NoReturn:
    """Ends the process at once, with the exit code of a command that a signal ended.

    Threads of libraries go on after an interruption, and abort a process that ends in
    the ordinary way.

    Args:
        interruption: what ended the command, which has cleaned up.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # who reads them may be gone, too
            stream.flush()
    os._exit(exit_code_of(interruption))


@contextlib.contextmanager
def stops_as_at_ctrl_c() -> Iterator[None]:
    """Lets SIGTERM end the block as Ctrl-C does, so that it cleans up.

    Python drops an exception that is raised while it finalizes an object or while
    native code calls back. An interruption that was dropped like that is raised again.
    """
    signals = signal.SIGTERM, signal.SIGALRM
    before = {number: signal.signal(number, interrupt) for number in signals}
    hook = sys.unraisablehook

    def raise_again(dropped: Any) -> None:
        if not isinstance(dropped.exc_value, KeyboardInterrupt):
            hook(dropped)
            return
        name = str(dropped.exc_value)

        def again(number: int, frame: object) -> None:
            raise KeyboardInterrupt(name)

        signal.signal(signal.SIGALRM, again)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)

    sys.unraisablehook = raise_again
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def children_end_first() -> Iterator[None]:
    """Ends the processes that the block has started when a signal ends this one.

    Beam waits for its worker processes before it lets an interruption through.
    """
    before = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(handler := signal.getsignal(number))
    }

    def end_first(number: int, frame: Any) -> None:
        # All at first: the children of one that has ended are no longer its own.
        for process in list(_descendants(os.getpid())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        before[signal.Signals(number)](number, frame)

    for number in before:
        signal.signal(number, end_first)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _descendants(process: int) -> Iterator[int]:
    """Yields a process's children, theirs and so on; none where there is no /proc."""
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, file.read_text().split()):
                yield child
                yield from _descendants(child)
