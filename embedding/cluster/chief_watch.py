"""Notices, in a worker, that the chief is gone; and has the worker begin anew then.

What lies on a worker belongs to one chief: its tables, and steps that it has begun. The
next chief can use none of it, and was seen to wait for ever in its first step beside
what a chief had left that was killed in one. So a worker whose chief has ended becomes
a fresh process, whichever way the chief did.
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from shardline.embedding.cluster.liveness import split_address

_LOOK_EVERY_S = 1.0
_ANSWER_WITHIN_S = 1.0
# A chief that connects again opens its port anew.
_REFUSALS = 2
# Longer than a chief puts up with a worker that it cannot reach.
_SILENT_S = 60.0


class ChiefWatch:
    """Looks now and then whether the chief's port is open, as it is while it trains."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic):
        """Looks for the first time when it is asked.

        Args:
            address: "address:port" of the chief.
            clock: gives seconds.
        """
        self._place = split_address(address)
        self._clock = clock
        self._look_at_s = clock()
        self._seen_s: float | None = None
        self._refusals = 0

    def is_gone(self) -> bool:
        """Returns whether a chief was there and is no longer; takes a second at most.

        That is so if nobody listens at its port, looked at twice, or if its machine has
        not answered for 60 s.
        """
        now_s = self._clock()
        if now_s < self._look_at_s:
            return False
        self._look_at_s = now_s + _LOOK_EVERY_S
        try:
            with socket.create_connection(self._place, _ANSWER_WITHIN_S):
                self._seen_s, self._refusals = now_s, 0
        except ConnectionRefusedError:
            self._refusals += 1
        except OSError:
            self._refusals = 0
        if self._seen_s is None:
            return False
        return self._refusals >= _REFUSALS or now_s - self._seen_s > _SILENT_S


def begin_anew() -> NoReturn:
    """Runs the command of this process again, in its place and with its process id."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
