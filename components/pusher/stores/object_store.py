"""A serving folder on an object store, which has neither renames nor locks.

A version is there once its last file is: the graph, for which servers wait, or a
delta's manifest. It has no lock either: only one publisher may write at a time.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tensorflow.io import gfile

from shardline.components.contracts.model_folder import GRAPH_FILE, versions_among
from shardline.components.pusher.deltas.delta_manifest import MANIFEST_FILE
from shardline.components.pusher.files import files_below
from shardline.components.pusher.stores.store import DELTAS, Store
from shardline.components.remote.files import as_os_errors


class ObjectStore(Store):
    """A serving folder that TensorFlow's file systems reach."""

    def versions(self) -> list[int]:
        """Returns the full versions that are complete, smallest first."""
        return self._complete("", GRAPH_FILE)

    def deltas(self) -> list[int]:
        """Returns the deltas that are complete, smallest first."""
        return self._complete(f"{DELTAS}/", MANIFEST_FILE)

    def _complete(self, folder: str, last_file: str) -> list[int]:
        numbers = versions_among(self._names(folder))
        return [n for n in numbers if self._has(f"{folder}{n}/{last_file}")]

    def is_full(self, version: int) -> bool:
        """Returns whether a version is a full one, and complete."""
        return self._has(f"{version}/{GRAPH_FILE}")

    def newest(self) -> int | None:
        """Returns the largest version, without a look at all others."""
        fulls = [(n, f"{n}/{GRAPH_FILE}") for n in versions_among(self._names(""))]
        names = self._names(f"{DELTAS}/")
        deltas = [(n, f"{DELTAS}/{n}/{MANIFEST_FILE}") for n in versions_among(names)]
        newest_first = sorted(fulls + deltas, reverse=True)
        return next((n for n, last_file in newest_first if self._has(last_file)), None)

    def _has(self, name: str) -> bool:
        with as_os_errors(self.root):
            return bool(gfile.exists(self._at(name)))

    def _names(self, folder: str) -> list[str]:
        with as_os_errors(self.root):
            location = self._at(folder)
            if gfile.isdir(location):
                return list(gfile.listdir(location))
            gfile.exists(location)  # fails, unlike `isdir`, if it cannot be told
            return []

    def _at(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}".rstrip("/")

    def read(self, name: str) -> bytes:
        """Returns the content of a small file."""
        location = self._at(name)
        with as_os_errors(location), gfile.GFile(location, "rb") as file:
            return bytes(file.read())

    def size(self, name: str) -> int:
        """Returns the bytes of a file."""
        with as_os_errors(self._at(name)):
            return int(gfile.stat(self._at(name)).length)

    def fetch(self, name: str, target: Path) -> None:
        """Copies a file to a local one, whose folder is made."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with as_os_errors(self._at(name)):
            gfile.copy(self._at(name), str(target), overwrite=True)

    def local_folder(self, version: int) -> Path | None:
        """Returns None: there is no local folder."""
        return None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Does not wait: an object store has no lock."""
        yield

    def claim(self) -> int:
        """Returns a version larger than all others, incomplete ones included."""
        versions = versions_among([*self._names(""), *self._names(f"{DELTAS}/")])
        return max(int(time.time()), 1 + max(versions, default=0))

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """Gives a temporary folder."""
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)

    def put(self, folder: Path, name: str) -> None:
        """Copies a prepared folder, the file that servers wait for last."""
        last = (GRAPH_FILE, MANIFEST_FILE)
        with as_os_errors(self.root):
            for path in sorted(files_below(folder), key=lambda path: path in last):
                location = self._at(f"{name}/{path}")
                gfile.makedirs(os.path.dirname(location))
                gfile.copy(str(folder / path), location, overwrite=True)

    def keep_base(self, folder: Path, version: int) -> None:
        """Keeps nothing: the next delta's base is fetched again."""

    def bytes_freed_by(self, names: Iterable[str]) -> int:
        """Adds up the files."""
        with as_os_errors(self.root):
            return sum(
                int(gfile.stat(f"{folder.rstrip('/')}/{file}").length)
                for name in names
                for folder, _, files in gfile.walk(self._at(name))
                for file in files
            )

    def remove(self, names: Iterable[str]) -> None:
        """Removes folders, the file that servers wait for first."""
        with as_os_errors(self.root):
            for name in names:
                for file in (GRAPH_FILE, MANIFEST_FILE):
                    if self._has(f"{name}/{file}"):
                        gfile.remove(self._at(f"{name}/{file}"))
                gfile.rmtree(self._at(name))
