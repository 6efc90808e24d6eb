"""The process that worker processes are forked from, for the time of a block.

Python keeps it, and the folder of its socket, until the process ends. A command whose
temporary folder goes before that must end both with it.
"""

import contextlib
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator
from multiprocessing import forkserver
from typing import Any


@contextlib.contextmanager
def fork_server_ended() -> Iterator[None]:
    """Ends the server in the end, if one was started; the next worker gets another.

    What it leaves lies in the temporary folder of the block. Workers have ended by
    then, or end with it.
    """
    # Where Python finds a folder here, it makes none that it removes as it exits.
    this: Any = multiprocessing.current_process()
    settings: dict[str, Any] = this._config
    folder = settings.get("tempdir")
    settings["tempdir"] = tempfile.gettempdir()
    try:
        yield
    finally:
        settings["tempdir"] = folder
        server: Any = forkserver._forkserver
        if server._forkserver_pid is not None:
            # By itself it ends after the last worker.
            with contextlib.suppress(ProcessLookupError):
                os.kill(server._forkserver_pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError, FileNotFoundError):
                server._stop()
