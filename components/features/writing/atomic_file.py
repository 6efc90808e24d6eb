"""Files that appear whole or not at all."""

import os
import uuid
from typing import IO

import tensorflow as tf

from shardline.components.remote.files import open_remote
from shardline.configs.locations import is_remote


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
        if is_remote(self.written):
            return open_remote(self.written, "wb")
        return open(self.written, "wb")
