"""What time it is, and waiting: until a time has passed, or a signal says to stop."""

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from datetime import UTC, datetime


class Clock:
    """The clock of the machine, which people and programs may put forward or back.

    A scheduler that is told to stop must end the run and write down what came of it.
    So SIGTERM and Ctrl-C set a flag and end a wait, and interrupt nothing else.

    Attributes:
        stopped_by: the name of the signal that said to stop; "" for none.
    """

    def __init__(self) -> None:
        """Starts without a signal."""
        self.stopped_by = ""
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def now(self) -> datetime:
        """Returns the time, of UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Waits; ends earlier when a signal comes, and at once after that."""
        select.select([self._wakes], [], [], seconds)

    @contextlib.contextmanager
    def stops_at_signals(self) -> Iterator[None]:
        """Lets SIGTERM and Ctrl-C say to stop for the time of a block.

        Raises:
            KeyboardInterrupt: in the end, naming the signal, if one came.
        """
        signals = signal.SIGTERM, signal.SIGINT
        before = {number: signal.signal(number, self._stop) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._wakes)
            os.close(self._wake)
        if self.stopped_by:
            raise KeyboardInterrupt(self.stopped_by)

    def _stop(self, number: int, frame: object) -> None:
        self.stopped_by = signal.Signals(number).name
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b"\0")
