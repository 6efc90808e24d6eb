"""Files that appear whole or not at all."""

import io
import os
import uuid
from typing import IO, Any

import tensorflow as tf


class AtomicFile:
    """A file that has its final name only once it is whole.

    Attributes:
        written: its name until then.
    """

    def __init__(self, path: str) -> None:
        """Chooses the first name.

        Args:
            path: the final name.
        """
        folder, name = os.path.split(path)
        self._path = path
        self.written = os.path.join(folder, f".{name}.{uuid.uuid4().hex}")

    def rename(self) -> None:
        """Gives the final name."""
        tf.io.gfile.rename(self.written, self._path, overwrite=True)

    def remove(self) -> None:
        """Removes the file if it is there."""
        if tf.io.gfile.exists(self.written):
            tf.io.gfile.remove(self.written)

    def open(self) -> IO[bytes]:
        """Opens the file for writing, as Python's files are."""
        if "://" not in self.written:
            return open(self.written, "wb")
        return io.BufferedWriter(_Remote(self.written), 1 << 20)


class _Remote(io.RawIOBase):
    """A file of TensorFlow's that is written."""

    def __init__(self, path: str) -> None:
        self._file = tf.io.gfile.GFile(path, "wb")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
