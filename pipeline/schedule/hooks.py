"""Commands that are called after a run, and when one is late.

No shell reads them. What they print goes to the log of the run. One that fails, or
takes longer than a minute, or than ten seconds once the scheduler is to stop, is told
and changes nothing else.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from shardline.components.execution.exit_status import how_ended
from shardline.pipeline.schedule.clock import Clock

LIMIT_S = 60.0
LIMIT_OF_STOP_S = 10.0
_POLL_S = 0.1


def call(
    command: Sequence[str], facts: Mapping[str, str], log: Path, clock: Clock
) -> str:
    """Calls a command, and returns what went wrong with it; "" for nothing.

    Args:
        command: a program and its arguments.
        facts: what it finds in its environment besides.
        log: the file that it prints to, after what is there.
        clock: when it says to stop, the command has little time left.
    """
    environment = {**os.environ, **facts}
    try:
        with log.open("ab") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        return f"{command[0]} cannot be started: {error}"
    deadline_s = time.monotonic() + LIMIT_S
    while process.poll() is None and time.monotonic() < deadline_s:
        if clock.stopped_by:  # which ends each wait of the clock at once
            left_s = min(LIMIT_OF_STOP_S, deadline_s - time.monotonic())
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, left_s))
            break
        clock.wait(_POLL_S)
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        took = "the scheduler stops" if clock.stopped_by else f"it took {LIMIT_S:.0f} s"
        return f"{command[0]} was ended, for {took}"
    if process.returncode:
        return f"{command[0]} {how_ended(process.returncode)}"
    return ""
