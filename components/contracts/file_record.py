"""A record of the files of a folder, to tell later whether they are what they were.

It is made once the folder is whole. A file that was removed, emptied, cut, changed or
added since is found, for each is read again: about a second a gigabyte and core.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import tensorflow as tf

from shardline.components.machine.cores import usable_cores
from shardline.components.readers.files.locations import opened

_VERSION = 1
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileRecord:
    """What the files of a folder were when it was whole.

    Attributes:
        files: by name below the folder, its size in bytes and its SHA-256 digest.
    """

    files: dict[str, tuple[int, str]]

    def to_json(self) -> str:
        """Returns the record as text."""
        return json.dumps({"version": _VERSION, "files": self.files}, sort_keys=True)

    def damage(self, folder: str, *, besides: str = "") -> str:
        """Returns which file is not what it was, and in what; "" if all are.

        Args:
            folder: the folder, which may be elsewhere by now.
            besides: name of a file that is in no record.
        """
        try:
            return self._damage(folder, besides)
        except (OSError, tf.errors.OpError) as error:
            return f"{folder} cannot be read: {error}"

    def _damage(self, folder: str, besides: str) -> str:
        sizes = dict(_sizes(folder, besides))
        for name, (size, _) in self.files.items():
            if name not in sizes:
                return f"{os.path.join(folder, name)} is gone"
            if sizes[name] != size:
                return (
                    f"{os.path.join(folder, name)} has {sizes[name]:,} bytes, and had "
                    f"{size:,}"
                )
        if added := sorted(sizes.keys() - self.files):
            return f"{os.path.join(folder, added[0])} was not there"
        digests = _digests(folder, list(self.files))
        for name, (_, digest) in self.files.items():
            if digests[name] != digest:
                return f"{os.path.join(folder, name)} has other content than it had"
        return ""


def record_files(folder: str) -> FileRecord:
    """Reads all files of a folder.

    Args:
        folder: whole, and not to be written any more.
    """
    sizes = dict(_sizes(folder))
    digests = _digests(folder, list(sizes))
    return FileRecord({name: (sizes[name], digests[name]) for name in sorted(sizes)})


def damage_by(record: str, folder: str) -> str:
    """Returns which file of a folder is not what a record in it says; "" if all are.

    Args:
        record: name of the file of the record, which is not in it.
        folder: the folder.
    """
    path = os.path.join(folder, record)
    try:
        with tf.io.gfile.GFile(path) as file:
            read = record_from_json(file.read())
    except (tf.errors.OpError, UnicodeDecodeError):
        return f"{path} is gone, or cannot be read"
    except ValueError:
        return f"{path} is no record of files"
    return read.damage(folder, besides=record)


def record_from_json(text: str) -> FileRecord:
    """Returns the record that `to_json` wrote.

    Raises:
        ValueError: if the text is none, or of another version.
    """
    values = json.loads(text)
    try:
        if values["version"] != _VERSION:
            raise ValueError(f"a record of version {values['version']}")
        files = {
            str(name): (int(size), str(digest))
            for name, (size, digest) in values["files"].items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no record of files: {error}") from error
    return FileRecord(files)


def digest_of(path: str) -> str:
    """Returns the SHA-256 digest of a file, local or in an object store.

    Raises:
        OSError: if it cannot be read.
    """
    digest = hashlib.sha256()
    with opened(path) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _sizes(folder: str, besides: str = "") -> Iterator[tuple[str, int]]:
    for place, _, names in tf.io.gfile.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            below = path.removeprefix(folder.rstrip("/")).lstrip("/")
            if below != besides:
                yield below, int(tf.io.gfile.stat(path).length)


def _digests(folder: str, names: list[str]) -> dict[str, str]:
    """Returns the digests of files, several of which are read at a time."""
    paths = [os.path.join(folder, name) for name in names]
    with ThreadPoolExecutor(usable_cores()) as pool:
        return dict(zip(names, pool.map(digest_of, paths), strict=True))
