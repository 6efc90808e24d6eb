"""Small text files in folders that are local or in an object store.

TensorFlow is imported for object stores only.
"""

import os
import posixpath
import uuid
from pathlib import Path


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
    if "://" not in folder:
        _write_local(Path(folder), name, text)
        return
    import tensorflow as tf

    path = posixpath.join(folder, name)
    tf.io.gfile.makedirs(folder)
    written = f"{path}.{uuid.uuid4().hex}"
    with tf.io.gfile.GFile(written, "w") as file:
        file.write(text)
    tf.io.gfile.rename(written, path, overwrite=True)


def read_text(folder: str, name: str) -> str:
    """Reads a file.

    Raises:
        FileNotFoundError: if there is none.
    """
    path = posixpath.join(folder, name)
    if "://" not in folder:
        return Path(path).read_text(encoding="utf-8")
    import tensorflow as tf

    if not tf.io.gfile.exists(path):
        raise FileNotFoundError(2, "no such file", path)
    with tf.io.gfile.GFile(path) as file:
        text: str = file.read()
    return text


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
