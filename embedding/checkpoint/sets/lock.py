"""Only one process writes into a folder of checkpoint sets.

The lock is the operating system's: it ends with the process that holds it, however that
ends. What the file says is for people.
"""

import contextlib
import datetime
import fcntl
import json
import os
import socket
import time
from pathlib import Path

_FILE = ".lock"
_TRIES = 10
_PAUSE_S = 0.01


class SetLockedError(RuntimeError):
    """Another process writes into the folder."""


class FolderLock:
    """A lock on a folder, held from its creation until it is released."""

    def __init__(self, folder: Path):
        """Takes the lock.

        Args:
            folder: it must be there.

        Raises:
            SetLockedError: if it is held; says by whom and since when.
        """
        path = self._path = folder / _FILE
        self._number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _take(self._number)
        except BlockingIOError as error:
            os.close(self._number)
            raise SetLockedError(
                f"Checkpoint sets in {folder} are written by {holder(folder)}. Wait "
                "until it ends, or stop it; or train into another folder."
            ) from error
        try:
            _tell(self._number)
        except BaseException:
            self.release()
            raise

    @property
    def path(self) -> Path:
        """The file that is locked."""
        return self._path

    def release(self) -> None:
        """Lets others in. May be called again."""
        if self._number >= 0:
            # Children that were forked meanwhile have the file open as well.
            fcntl.flock(self._number, fcntl.LOCK_UN)
            os.close(self._number)
            self._number = -1


def _tell(number: int) -> None:
    """Writes into the file who holds the lock."""
    now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"
    held = {"pid": os.getpid(), "machine": socket.gethostname(), "since": now}
    os.ftruncate(number, 0)
    os.pwrite(number, json.dumps(held).encode(), 0)


def _take(number: int) -> None:
    """Locks a file; who asks whether it is locked has it for a moment, too."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_PAUSE_S)
    return fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(folder: Path) -> bool:
    """Returns whether a process writes into a folder now."""
    try:
        number = os.open(folder / _FILE, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def holder(folder: Path) -> str:
    """Returns who took the lock last, for messages."""
    try:
        held = json.loads((folder / _FILE).read_text())
        return f"process {held['pid']} on {held['machine']} since {held['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
