"""The end of a pipeline process whose command is gone.

A command that is killed by SIGKILL cannot end the process that it has started. That
process holds the lock of the run folder, too, and must not go on unseen.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Callable

from shardline.pipeline.runners.interruption import END_WITHIN_S


def end_when_orphaned(events: int, on_orphaned: Callable[[], None]) -> None:
    """Ends this process as SIGTERM does once nobody reads its events.

    If it has not ended then within ten seconds, SIGKILL ends it.

    Args:
        events: the descriptor of the pipe that events are written to.
        on_orphaned: called before, in a thread.
    """
    # A descriptor of its own, for the other one may be closed and its number reused.
    watched = os.dup(events)
    thread = threading.Thread(target=_watch, args=(watched, on_orphaned), daemon=True)
    thread.start()


def _watch(watched: int, on_orphaned: Callable[[], None]) -> None:
    poll = select.poll()
    poll.register(watched, 0)  # of a pipe without a reader it always tells
    poll.poll()
    on_orphaned()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_WITHIN_S)
    os.kill(os.getpid(), signal.SIGKILL)
