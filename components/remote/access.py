"""Finds out whether outputs can be written, before hours are spent on making them.

The first steps of a pipeline ask. What a later step cannot write is lost work.
"""

from __future__ import annotations

import errno
import os
import tempfile
import uuid
from collections.abc import Iterable

from shardline.components.remote.files import remove_remote, write_remote
from shardline.configs.locations import bucket_of, is_remote

_PROBE = ".shardline-access-"


class AccessError(OSError):
    """A place for outputs that cannot be written."""

    def __str__(self) -> str:
        """Returns the message alone, which names place, cause and remedy."""
        return str(self.strerror)


def check_writable(places: Iterable[str]) -> None:
    """Writes an object to each place and removes it.

    Args:
        places: folders, local or in an object store.

    Raises:
        AccessError: naming the first one that cannot be written. Its `errno` tells
            whether that can pass (ETIMEDOUT), as that of any OSError does.
    """
    for place in dict.fromkeys(places):
        if is_remote(place):
            _check_remote(place)
        else:
            _check_local(place)


def _check_remote(place: str) -> None:
    probe = f"{place.rstrip('/')}/{_PROBE}{uuid.uuid4().hex}"
    try:
        write_remote(probe, b"")
        remove_remote(probe)
    except OSError as error:
        raise AccessError(
            error.errno,
            f"{place} cannot be written: {error.strerror}. Tried to write the object "
            f"{probe} and to remove it. {_remedy(error, bucket_of(place))}",
        ) from error


def _remedy(error: OSError, bucket: str) -> str:
    if error.errno in (errno.ENOENT, errno.EINVAL):
        return f"Make the bucket {bucket}, or correct the location."
    if error.errno == errno.EACCES:
        return (
            f"Let the account that this step runs as read, write and delete objects in "
            f"{bucket}, give the step that account's credentials, or choose another "
            "bucket."
        )
    if error.errno == errno.EOPNOTSUPP:
        scheme = bucket.partition("/")[0]
        return (
            f"Install what lets TensorFlow reach {scheme}// into the image, or choose "
            "a bucket with another scheme, such as gs://."
        )
    return "Run again when the store answers."


def _check_local(place: str) -> None:
    try:
        os.makedirs(place, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise AccessError(
            error.errno,
            f"The folder {place} cannot be written: {error.strerror}. Mount it so that "
            "it can, or choose another.",
        ) from error
