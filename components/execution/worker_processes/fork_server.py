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
from multiprocessing import forkserver, util
from typing import Any

_DESCRIPTORS = "/proc/self/fd/"


def shorten_socket_path() -> None:
    """Lets the server's socket be named by a descriptor of its folder.

    A socket's path has 107 bytes at most; a temporary folder's may have more.
    """
    folder = util.get_temp_dir()
    if not folder.startswith(_DESCRIPTORS):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        _settings()["tempdir"] = f"{_DESCRIPTORS}{opened}"


@contextlib.contextmanager
def fork_server_ended() -> Iterator[None]:
    """Ends the server in the end, if one was started; the next worker gets another.

    What it leaves lies in the temporary folder of the block. Workers have ended by
    then, or end with it.
    """
    # Where Python finds a folder here, it makes none that it removes as it exits.
    settings = _settings()
    before = settings.get("tempdir")
    settings["tempdir"] = tempfile.gettempdir()
    try:
        yield
    finally:
        folder, settings["tempdir"] = settings["tempdir"], before
        server: Any = forkserver._forkserver
        if server._forkserver_pid is not None:
            # By itself it ends after the last worker.
            with contextlib.suppress(ProcessLookupError):
                os.kill(server._forkserver_pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError, FileNotFoundError):
                server._stop()
        if folder.startswith(_DESCRIPTORS):
            os.close(int(folder.removeprefix(_DESCRIPTORS)))


def _settings() -> dict[str, Any]:
    """Returns where `multiprocessing` looks for the folder of its sockets."""
    this: Any = multiprocessing.current_process()
    settings: dict[str, Any] = this._config
    return settings
