"""Zip archives, which a wheel is one of, on this machine or in an object store."""

import errno
import os
import zipfile
from typing import IO

from shardline.components.remote.files import open_remote
from shardline.configs.locations import is_remote

_NO_FILE = (errno.ENOENT, errno.EISDIR, errno.EINVAL)
# What an archive ends with is found in these.
_END_BYTES = (1 << 16) + 22


def is_archive(path: str) -> bool:
    """Tells whether a file is a zip archive; a folder and what is not there are none.

    Raises:
        OSError: if the store does not let that be told.
    """
    if not is_remote(path):
        return os.path.isfile(path) and zipfile.is_zipfile(path)
    try:
        with open_remote(path) as file:
            _read_end(file)
            return zipfile.is_zipfile(file)
    except OSError as error:
        if error.errno in _NO_FILE:
            return False
        raise


def open_archive(path: str) -> zipfile.ZipFile:
    """Opens an archive for reading.

    Raises:
        OSError: it cannot be opened.
        zipfile.BadZipFile: it is no archive, or damaged.
    """
    if not is_remote(path):
        return zipfile.ZipFile(path)
    file = open_remote(path)
    _read_end(file)
    return zipfile.ZipFile(file)


def _read_end(file: IO[bytes]) -> None:
    """Has a store that fails say so; Python would take the file for no archive."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_BYTES))
    file.read()
