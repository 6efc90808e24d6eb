"""The lock of a folder: one holder at a time, who is named to those who come later.

The lock is `flock` on a file. What the file holds is for people only: who holds the
lock and since when. It may be empty, damaged, or of a process that was killed; that
changes what is said, never who holds the lock.
"""

import contextlib
import dataclasses
import datetime
import errno
import fcntl
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_MODE = 0o666
_MOST_BYTES = 1 << 16
_READS = 20
_BETWEEN_READS_S = 0.05


class LockError(RuntimeError):
    """A folder that cannot be locked."""


class FolderHeldError(LockError):
    """A folder that another process holds."""


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a lock, in the words of the lock file.

    Attributes:
        pid: the number of the process, on its own machine.
        host: the name of the machine.
        since: when it took the lock, by the clock of that machine.
        command: what it runs.
    """

    pid: int
    host: str
    since: datetime.datetime
    command: str

    def to_json(self) -> str:
        """Returns the content of the lock file."""
        fields = dataclasses.asdict(self)
        return json.dumps(fields | {"since": self.since.isoformat()}) + "\n"

    def said(self, now: datetime.datetime) -> str:
        """Returns who it is, in words.

        Args:
            now: the time by the clock of this machine.
        """
        machine = "" if self.host == platform.node() else f" on machine {self.host}"
        since = self.since.astimezone(datetime.UTC)
        return (
            f"process {self.pid}{machine} since {since:%Y-%m-%d %H:%M:%S} UTC "
            f"({_duration(now - self.since)}), which runs `{self.command}`"
        )


class FolderLock:
    """A lock that this process holds, by an open file that it can hand on."""

    def __init__(self, descriptor: int, path: Path):
        """Takes what `locked` or `inherited_lock` has opened.

        Args:
            descriptor: the lock file, open and locked. A process that has got it holds
                the lock, too.
            path: the lock file.
        """
        self.descriptor = descriptor
        self._path = path

    def tell(self) -> None:
        """Names this process as the holder from now on, if the disk has room."""
        holder = Holder(
            os.getpid(),
            platform.node(),
            datetime.datetime.now(datetime.UTC),
            shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]),
        )
        text = holder.to_json().encode()
        with contextlib.suppress(OSError):
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, text, 0)

    def remove_file(self) -> None:
        """Removes the lock file; who waits for it makes another one."""
        self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(
    path: Path, on_wait: Callable[[str], None] | None = None
) -> Iterator[FolderLock]:
    """Holds a lock for the time of a block.

    Args:
        path: the lock file, in a folder that is there.
        on_wait: called once, with who holds the lock, if it is to be waited for; None:
            that is an error.

    Raises:
        FolderHeldError: if another process holds the lock and it is not waited for; its
            message is who does.
        LockError: if there can be no lock.
    """
    try:
        lock = FolderLock(_locked_file(path, on_wait), path)
    except OSError as error:
        raise LockError(
            f"{path} cannot be locked: {os.strerror(error.errno or 0)}. Choose a "
            "folder that you can write, on a file system that has locks."
        ) from error
    try:
        lock.tell()
        yield lock
    finally:
        # That nobody holds it shows to people, too; a kill leaves the last holder.
        with contextlib.suppress(OSError):
            os.ftruncate(lock.descriptor, 0)
        # The kernel frees the lock when each process that got it has closed it.
        os.close(lock.descriptor)


def lock_at_once(path: Path) -> int | None:
    """Takes a lock without a word of who holds it, for who holds it for milliseconds.

    Args:
        path: the lock file, in a folder that is there.

    Returns:
        The lock file, open and locked until it is closed; None: another process holds
        the lock, or has just removed its file.

    Raises:
        OSError: if there can be no lock.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
    is_mine = False
    try:
        is_mine = _is_locked_at_once(descriptor) and _is_still(path, descriptor)
    finally:
        if not is_mine:
            os.close(descriptor)
    return descriptor if is_mine else None


def holder_of(path: Path) -> str | None:
    """Returns who holds a lock, in words; None if nobody does.

    For the blink of an eye it holds the lock itself, so that who must have the lock
    tries again before it gives up.

    Args:
        path: the lock file, which may not be there.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except OSError:
        return _who_holds(descriptor)
    finally:
        os.close(descriptor)


def inherited_lock(descriptor: int, path: Path) -> FolderLock:
    """Returns the lock that the process which started this one holds.

    Processes that this one starts do not hold it.

    Args:
        descriptor: the open lock file, as the other process passed it on.
        path: the lock file.

    Raises:
        LockError: if it is not the lock of this file.
    """
    try:
        os.set_inheritable(descriptor, False)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_this = _is_still(path, descriptor)
    except OSError:
        is_this = False
    if not is_this:
        raise LockError(
            f"Descriptor {descriptor} is not the lock {path}. This program is started "
            "by `shardline run`, which holds the lock."
        )
    return FolderLock(descriptor, path)


def _locked_file(path: Path, on_wait: Callable[[str], None] | None) -> int:
    """Returns the descriptor of the lock file, locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
        try:
            if not _is_locked_at_once(descriptor):
                who = _who_holds(descriptor)
                if on_wait is None:
                    raise FolderHeldError(who)
                on_wait(who)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Its last holder may have removed the file meanwhile.
            if _is_still(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_locked_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _who_holds(descriptor: int) -> str:
    """Returns who holds a lock, in words, also if the file does not say it."""
    for _ in range(_READS):
        holder = _holder(os.pread(descriptor, _MOST_BYTES, 0))
        if holder:
            return holder.said(datetime.datetime.now(datetime.UTC))
        time.sleep(_BETWEEN_READS_S)  # it may be about to write
    return "a process that its lock file does not name"


def _holder(content: bytes) -> Holder | None:
    try:
        fields = json.loads(content)
        since = datetime.datetime.fromisoformat(fields["since"])
        return Holder(
            int(fields["pid"]),
            str(fields["host"]),
            since if since.tzinfo else since.replace(tzinfo=datetime.UTC),
            str(fields["command"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _duration(passed: datetime.timedelta) -> str:
    """Returns a time in the largest units that tell it, such as "3 h 12 min"."""
    seconds = int(passed.total_seconds())
    if seconds < 0:
        return "by a clock that is ahead of this machine's"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"for {days} d {hours % 24} h"
    if hours:
        return f"for {hours} h {minutes % 60} min"
    return f"for {minutes} min" if minutes else f"for {seconds} s"
