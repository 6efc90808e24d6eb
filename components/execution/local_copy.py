"""Artifacts on an object store, worked on as local folders.

Locally the artifact's own folder is used, and nothing is copied.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator, Sequence

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from shardline.configs.locations import is_remote


@contextlib.contextmanager
def local_input(uri: str) -> Iterator[str]:
    """Yields a local folder with the content of a uri, for reading.

    Raises:
        FileNotFoundError: if the uri is remote and nothing is there.
    """
    if not is_remote(uri):
        yield uri
        return
    if not fileio.exists(uri):
        raise FileNotFoundError(errno.ENOENT, "there is nothing", uri)
    with tempfile.TemporaryDirectory() as folder:
        io_utils.copy_dir(uri, folder)
        yield folder


@contextlib.contextmanager
def local_output(uri: str) -> Iterator[str]:
    """Yields a local folder; what is in it is at the uri once the block ends well."""
    if not is_remote(uri):
        os.makedirs(uri, exist_ok=True)
        yield uri
        return
    with tempfile.TemporaryDirectory() as folder:
        yield folder
        fileio.makedirs(uri)
        io_utils.copy_dir(folder, uri)


def local_files(files: Sequence[str], folder: str) -> list[str]:
    """Returns local files with the content of others, for a process without schemes.

    Args:
        files: local ones, which are taken as they are, and remote ones.
        folder: local, to which remote ones are copied, under names of their own.
    """
    local = []
    for number, file in enumerate(files):
        if is_remote(file):
            copy = os.path.join(folder, f"copy-{number}-{os.path.basename(file)}")
            fileio.copy(file, copy)
            file = copy
        local.append(file)
    return local
