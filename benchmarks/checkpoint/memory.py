"""What a process holds in memory, now and at most.

Imports nothing but the library: programs of all environments use it.
"""

import re
import threading
from pathlib import Path
from types import TracebackType

_STATUS = Path("/proc/self/status")
_EVERY_S = 0.005


def status_bytes(kind: str) -> int:
    """Returns a line of this process's memory, such as VmHWM, in bytes.

    Raises:
        ValueError: if the system tells no such line.
    """
    found = re.search(rf"^{kind}:\s*(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{_STATUS} has no line {kind}.")
    return int(found[1]) * 1024


def anonymous_bytes() -> int:
    """Returns what no file stands behind: heaps, stacks and shared memory."""
    return status_bytes("RssAnon") + status_bytes("RssShmem")


class AnonymousPeak:
    """Looks at the process's anonymous memory every 5 ms while it is open.

    Attributes:
        bytes: the most that was seen.
    """

    def __init__(self) -> None:
        """Looks once."""
        self.bytes = anonymous_bytes()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "AnonymousPeak":
        """Starts looking."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Looks for the last time."""
        self._ended.set()
        self._thread.join()
        self.bytes = max(self.bytes, anonymous_bytes())

    def _look(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self.bytes = max(self.bytes, anonymous_bytes())
