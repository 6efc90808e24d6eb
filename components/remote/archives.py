"""Zip archives, which a wheel is one of, on this machine or in an object store."""

import os
import zipfile

from shardline.components.remote.files import open_remote
from shardline.configs.locations import is_remote


def is_archive(path: str) -> bool:
    """Tells whether a file is a zip archive."""
    if not is_remote(path):
        return os.path.isfile(path) and zipfile.is_zipfile(path)
    try:
        with open_remote(path) as file:
            return zipfile.is_zipfile(file)
    except OSError:  # a folder, or nothing
        return False


def open_archive(path: str) -> zipfile.ZipFile:
    """Opens an archive for reading.

    Raises:
        OSError: it cannot be opened.
        zipfile.BadZipFile: it is no archive, or damaged.
    """
    return zipfile.ZipFile(open_remote(path) if is_remote(path) else path)
