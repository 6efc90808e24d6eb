"""Files of an object store, as Python's own files are: bytes, and OSErrors.

TensorFlow is imported when the first one is opened, for that takes seconds. An object
appears whole when it is closed, and there are no folders but names with `/`.
"""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Iterator
from typing import IO, Any

_BUFFER_BYTES = 1 << 20


@contextlib.contextmanager
def as_os_errors(location: str) -> Iterator[None]:
    """Turns TensorFlow's errors into Python's, which say where.

    Args:
        location: what is worked on, for the message.

    Raises:
        FileNotFoundError: if there is no such object or bucket.
        PermissionError: if the store does not admit what was tried.
        TimeoutError: if the store does not answer, or not now.
        OSError: if it fails otherwise.
    """
    from tensorflow import errors

    try:
        yield
    except errors.OpError as error:
        kinds = {
            errors.NOT_FOUND: errno.ENOENT,
            errors.PERMISSION_DENIED: errno.EACCES,
            errors.UNAUTHENTICATED: errno.EACCES,
            errors.UNAVAILABLE: errno.ETIMEDOUT,
            errors.DEADLINE_EXCEEDED: errno.ETIMEDOUT,
            errors.ABORTED: errno.ETIMEDOUT,
            errors.RESOURCE_EXHAUSTED: errno.ETIMEDOUT,
            errors.UNIMPLEMENTED: errno.EOPNOTSUPP,
            errors.INVALID_ARGUMENT: errno.EINVAL,
            errors.FAILED_PRECONDITION: errno.EINVAL,
        }
        number = kinds.get(error.error_code, errno.EIO)
        # What a store answers may be a page of JSON.
        raise OSError(number, " ".join(error.message.split()), location) from error


def open_remote(location: str, mode: str = "rb") -> IO[bytes]:
    """Opens an object: for reading ("rb"), which can seek, or for writing ("wb").

    Raises:
        OSError: if it cannot be opened; of one that is written, `close` may raise it.
    """
    if mode == "wb":
        return io.BufferedWriter(_Written(location), _BUFFER_BYTES)
    return io.BufferedReader(_Read(location), _BUFFER_BYTES)


def read_remote(location: str) -> bytes:
    """Returns the content of an object.

    Raises:
        OSError: if it cannot be read.
    """
    with as_os_errors(location), _gfile().GFile(location, "rb") as file:
        return bytes(file.read())


def write_remote(location: str, content: bytes) -> None:
    """Writes an object, whole: who reads finds the old one or the new one.

    Raises:
        OSError: if it cannot be written.
    """
    with as_os_errors(location), _gfile().GFile(location, "wb") as file:
        file.write(content)


def remove_remote(location: str) -> None:
    """Removes an object.

    Raises:
        OSError: if it is not there, or cannot be removed.
    """
    with as_os_errors(location):
        _gfile().remove(location)


def exists_remote(location: str) -> bool:
    """Tells whether there is an object, or any below a name.

    Raises:
        OSError: if that cannot be told.
    """
    with as_os_errors(location):
        return bool(_gfile().exists(location))


class _Read(io.RawIOBase):
    def __init__(self, location: str) -> None:
        self._location = location
        self._file = _gfile().GFile(location, "rb")
        self._size = int(self._asked(self._file.size))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._asked(self._file.tell))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_END: self._size}
        start = starts[whence] if whence in starts else self.tell()
        self._asked(self._file.seek, start + offset)
        return start + offset

    def readinto(self, buffer: Any) -> int:
        data = self._asked(self._file.read, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_size"):
            self._file.close()
        super().close()

    def _asked(self, method: Any, *arguments: Any) -> Any:
        with as_os_errors(self._location):
            return method(*arguments)


class _Written(io.RawIOBase):
    def __init__(self, location: str) -> None:
        self._location = location
        self._file = _gfile().GFile(location, "wb")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with as_os_errors(self._location):
            self._file.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            try:
                with as_os_errors(self._location):
                    # Also without content: else TensorFlow would make no object.
                    self._file.write(b"")
                    self._file.close()
            finally:
                super().close()


def _gfile() -> Any:
    from tensorflow.io import gfile

    return gfile
