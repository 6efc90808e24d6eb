"""Files that are on the disk, and not only in memory that a power cut empties.

A file's content is durable once the file is synced, and its name once its folder is.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from shardline.embedding.checkpoint.crash_points import crash_point


def make_folder(folder: Path) -> None:
    """Makes a folder whose name is durable, as are those that it makes above it."""
    missing = [folder, *folder.parents]
    missing = missing[: next(i for i, path in enumerate(missing) if path.exists())]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Makes the content of a file durable."""
    crash_point("before_file_sync")
    number = os.open(path, os.O_RDONLY)
    try:
        with _naming(path):
            os.fsync(number)
    finally:
        os.close(number)
    crash_point("after_file_sync")


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    crash_point("before_folder_sync")
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _naming(folder):
            os.fsync(number)
    finally:
        os.close(number)
    crash_point("after_folder_sync")


def write_file(path: Path, content: bytes) -> None:
    """Writes a new file with durable content; its name becomes so with the folder."""
    crash_point("before_write")
    with _naming(path), open(path, "xb") as file:
        file.write(content)
        file.flush()
        crash_point("after_write")
        os.fsync(file.fileno())
    crash_point("after_file_sync")


def replace_file(path: Path, content: bytes) -> None:
    """Gives a file new content at once: whoever reads sees the old one or this one.

    When this returns, the new content is durable.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    write_file(partial, content)
    crash_point("before_rename")
    partial.replace(path)
    crash_point("after_rename")
    sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Removes a file durably, if it is there."""
    crash_point("before_remove")
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
    crash_point("after_remove")


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Lets errors say which file they are about, which those of an open file do not."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
