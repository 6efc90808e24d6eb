"""Files of a model: copied, hashed, linked and made durable.

A model is the set of its files: empty folders are not part of it, for object stores
have none. A published file is never written again, so versions may share it by links.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_BLOCK_BYTES = 1 << 20


class FileDigest(BaseModel):
    """The size and the digest of a file.

    Attributes:
        bytes: its size.
        sha256: the sha256 of its content, hexadecimal.
    """

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


def files_below(folder: str | Path) -> list[str]:
    """Returns the paths of all files below a folder, with `/`, sorted."""
    found = [
        os.path.relpath(os.path.join(parent, name), folder).replace(os.sep, "/")
        for parent, _, names in os.walk(folder, onerror=_raise, followlinks=True)
        for name in names
    ]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def copied(source: str | Path, target: Path) -> FileDigest:
    """Copies a file, and returns the digest of what was read.

    Args:
        source: the file.
        target: must not exist; its folder is made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with open(source, "rb") as reader, open(target, "xb") as writer:
        while block := reader.read(_BLOCK_BYTES):
            digest.update(block)
            size += writer.write(block)
    return FileDigest(bytes=size, sha256=digest.hexdigest())


def linked(source: Path, target: Path) -> None:
    """Gives a file another name; copies it where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)


def file_digest(path: str | Path) -> FileDigest:
    """Returns the digest of a file, which is read."""
    with open(path, "rb") as reader:
        digest = hashlib.file_digest(reader, "sha256")
        return FileDigest(bytes=reader.tell(), sha256=digest.hexdigest())


def digest_of(files: Mapping[str, FileDigest]) -> str:
    """Returns the sha256 of the names and contents of files, hexadecimal."""
    lines = (f"{path}\0{files[path].sha256}\n" for path in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sync_below(folder: str | Path) -> None:
    """Makes a folder and all below it durable."""
    for parent, _, names in os.walk(folder, topdown=False, onerror=_raise):
        for name in names:
            sync(os.path.join(parent, name))
        sync(parent)


def sync(path: str | Path) -> None:
    """Makes a file's content, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
