"""Folders that are changed as a whole: a reader finds the old one or the new one.

The new one is prepared beside the old one, its files links to those that do not change,
and takes its place by an exchange of names. Its name while it is prepared is one that
runs know for half made and remove.
"""

import contextlib
import ctypes
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from shardline.components.pusher.files import files_below, linked, sync, sync_below

_STAGED = re.compile(r".+\.[0-9a-f]{32}")
_AT_FDCWD = -100
_EXCHANGE = 2


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Gives a copy of a folder, of links, beside it; removes it in the end.

    A file of it must be replaced, never written into.
    """
    copy = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    try:
        copy.mkdir()
        for path in files_below(folder):
            linked(folder / path, copy / path)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def exchange(folder: Path, copy: Path) -> None:
    """Lets a prepared copy take the place of a folder, which takes that of the copy.

    Raises:
        OSError: if the file system lets neither be renamed.
    """
    sync_below(copy)
    if not _exchanged(folder, copy):
        away = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
        folder.rename(away)
        copy.rename(folder)
        away.rename(copy)
    sync(folder.parent)


def replace(path: Path, content: bytes) -> None:
    """Replaces a file of a copy, the original of which stays as it is."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def own(path: Path) -> None:
    """Makes a file of a copy one of its own, so that it can be written into."""
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    shutil.copyfile(path, beside)
    beside.replace(path)


def remove_strays(parent: Path) -> None:
    """Removes what a killed erasure has left beside folders.

    Args:
        parent: the folder of the folders; nobody else changes it.
    """
    for path in parent.glob("*.*"):
        if path.is_dir() and _STAGED.fullmatch(path.name):
            shutil.rmtree(path)


def _exchanged(folder: Path, copy: Path) -> bool:
    """Exchanges two names at once, where Linux and the file system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = (os.fsencode(folder), os.fsencode(copy))
    failed: int = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
    return not failed
