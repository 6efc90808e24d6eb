"""The process of a run that a scheduler has started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

_TERMINATION_S = 30.0
_SCHEDULED_RUN = "shardline.pipeline.schedule.scheduled_run"


class RunProcess(Protocol):
    """A process, once it is started."""

    def exit_code(self) -> int | None:
        """Returns how it ended, as `subprocess` says; None while it goes on."""
        ...

    def stop(self) -> int:
        """Ends it as SIGTERM does, and returns its exit code."""
        ...


class ShardlineRun:
    """`shardline run` in a process and a session of its own.

    So Ctrl-C at the scheduler's terminal reaches the scheduler alone, which ends it.
    """

    def __init__(self, arguments: Sequence[str], log: Path):
        """Starts it.

        Args:
            arguments: those of `shardline`.
            log: the file that it prints to, after what is there.

        Raises:
            OSError: if it cannot be started.
        """
        # Its end that this process holds is closed when this process ends, however.
        self._held, watched = os.pipe()
        command = [sys.executable, "-P", "-m", _SCHEDULED_RUN, str(watched), *arguments]
        try:
            with log.open("ab") as file:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    pass_fds=[watched],
                    start_new_session=True,
                )
        except BaseException:
            os.close(self._held)
            raise
        finally:
            os.close(watched)

    def exit_code(self) -> int | None:
        """Returns how it ended, as `subprocess` says; None while it goes on."""
        code = self._process.poll()
        if code is not None:
            self._close()
        return code

    def stop(self) -> int:
        """Ends it as SIGTERM does, after half a minute by SIGKILL."""
        deadline_s = time.monotonic() + _TERMINATION_S
        self._process.send_signal(signal.SIGTERM)
        while self._process.poll() is None and time.monotonic() < deadline_s:
            time.sleep(0.1)
        self._process.kill()
        code = self._process.wait()
        self._close()
        return code

    def _close(self) -> None:
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
