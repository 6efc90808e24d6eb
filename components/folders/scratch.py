"""Scratch folders: for the time of a block, and recognized when their process is gone.

A process holds a lock of `flock` on its scratch folder itself, so nothing is written in
it. One whose lock is free is what a killed process has left: who next makes a scratch
folder in the same place removes it. Where a file system cannot lock folders, dead ones
stay.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Nothing else has such a name, also in a folder that all programs share.
PREFIX = ".shardline-scratch-"


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Gives a new folder, removes it in the end, and first removes dead ones.

    Args:
        parent: where, a folder that is there.
    """
    remove_dead_scratch(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    with held(folder, mode=0o700):
        try:
            yield folder
        finally:
            # Threads that an interruption has left may still write to it, and a second
            # signal may end the first removal.
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def held(folder: Path, mode: int = 0o777) -> Iterator[None]:
    """Holds a folder for the time of a block, so that nobody takes it for a dead one.

    It may be renamed or removed meanwhile. Several processes can hold it.

    Args:
        folder: made if need be.
        mode: the permissions of a folder that is made.
    """
    while True:
        folder.mkdir(mode, parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # taken for a dead one before it could be held
        try:
            with contextlib.suppress(OSError):  # no locks: nobody will remove it
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_at(folder, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


def remove_dead_scratch(parent: Path) -> None:
    """Removes the scratch folders of processes that are gone.

    Args:
        parent: where they are.
    """
    remove_dead(parent, f"{PREFIX}*")


def remove_dead(parent: Path, pattern: str) -> None:
    """Removes the folders of processes that held them and are gone.

    Args:
        parent: where they are.
        pattern: a glob pattern of their names; nothing else there has such a name.
    """
    for folder in parent.glob(pattern):
        with contextlib.suppress(OSError):  # held, gone, or somebody else's
            _remove_if_dead(folder)


def _remove_if_dead(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(folder, descriptor):
            shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _is_at(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(folder), os.fstat(descriptor))
    except FileNotFoundError:
        return False
