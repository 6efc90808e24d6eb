"""Small text files in folders that are local or in an object store.

TensorFlow is imported for object stores only.
"""

import os
import posixpath
import uuid
from pathlib import Path

from shardline.components.remote.files import read_remote, write_remote
from shardline.configs.locations import is_remote


class TextFileError(ValueError):
    """A file that does not hold what it should."""


def write_text(folder: str, name: str, text: str) -> None:
    """Writes a file in one piece: who reads finds the old one or the new one, whole.

    Args:
        folder: made if need be.
        name: of the file.
        text: its content.

    Raises:
        OSError: if it cannot be written.
    """
    if is_remote(folder):
        write_remote(posixpath.join(folder, name), text.encode())
    else:
        _write_local(Path(folder), name, text)


def read_text(folder: str, name: str) -> str:
    """Reads a file.

    Raises:
        FileNotFoundError: if there is none.
        OSError: if it cannot be read.
    """
    path = posixpath.join(folder, name)
    if is_remote(folder):
        return read_remote(path).decode()
    return Path(path).read_text(encoding="utf-8")


def _write_local(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f".{name}.{uuid.uuid4().hex}"
    try:
        with written.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        written.replace(folder / name)
    except BaseException:
        written.unlink(missing_ok=True)  # a full disk need not keep half a file
        raise
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
