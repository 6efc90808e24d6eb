"""A serving folder on a file system, where versions appear by a rename."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from shardline.components.contracts.model_folder import versions_among
from shardline.components.pusher.files import sync, sync_below
from shardline.components.pusher.stores.store import DELTAS, Store

_log = logging.getLogger("shardline.publishing")
_LOCK_FILE = ".lock"
_BASE = ".base"
_LEFTOVERS = (".incoming-", ".removing-")
_POLL_S = 0.02
_SAY_AFTER_S = 5.0


class LocalStore(Store):
    """A serving folder on a file system, where versions appear by a rename."""

    def __init__(self, root: str):
        """Takes a folder, which need not exist yet.

        Args:
            root: its path.
        """
        super().__init__(root)
        self._folder = Path(root)

    def versions(self) -> list[int]:
        """Returns the full versions, smallest first."""
        return self._numbers(self._folder)

    def deltas(self) -> list[int]:
        """Returns the versions that are deltas, smallest first."""
        return self._numbers(self._folder / DELTAS)

    def is_full(self, version: int) -> bool:
        """Returns whether a version is a full one."""
        return (self._folder / str(version)).is_dir()

    @staticmethod
    def _numbers(folder: Path) -> list[int]:
        try:
            return versions_among(os.listdir(folder))
        except FileNotFoundError:
            return []

    def read(self, name: str) -> bytes:
        """Returns the content of a small file."""
        return (self._folder / name).read_bytes()

    def size(self, name: str) -> int:
        """Returns the bytes of a file."""
        return (self._folder / name).stat().st_size

    def fetch(self, name: str, target: Path) -> None:
        """Copies a file to a local one, whose folder is made."""
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._folder / name, target)

    def local_folder(self, version: int) -> Path | None:
        """Returns the folder that has all files of a version, if there is one."""
        folders = (self._folder / str(version), self._folder / _BASE / str(version))
        return next((folder for folder in folders if folder.is_dir()), None)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Waits for its turn to change the folder, and removes leftovers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / _LOCK_FILE, "ab") as file:
            _wait_for_turn(file.fileno(), self.root)
            self._remove_leftovers()
            yield

    def _remove_leftovers(self) -> None:
        for path in list(self._folder.iterdir()):
            if path.name.startswith(_LEFTOVERS):
                shutil.rmtree(path)
        self._remove_bases_but(self.newest())

    def _remove_bases_but(self, version: int | None) -> None:
        bases = self._numbers(self._folder / _BASE)
        self.remove(f"{_BASE}/{base}" for base in bases if base != version)

    def claim(self) -> int:
        """Returns a new version, larger than every version ever here."""
        # The lock file holds the largest version ever, also of those removed since.
        with open(self._folder / _LOCK_FILE, "r+b") as file:
            text = file.read().strip()
            ever = int(text) if text.isdigit() else 0
            version = max(int(time.time()), 1 + max(ever, self.newest() or 0))
            file.seek(0)
            file.write(b"%020d\n" % version)
            file.truncate()
        return version

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """Gives a folder on the same file system."""
        folder = Path(tempfile.mkdtemp(prefix=_LEFTOVERS[0], dir=self._folder))
        try:
            yield folder
        finally:
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:  # a signal may have ended the first
                shutil.rmtree(folder, ignore_errors=True)

    def put(self, folder: Path, name: str) -> None:
        """Makes a prepared folder durable and moves it in, by a rename."""
        target = self._folder / name
        target.parent.mkdir(exist_ok=True)
        sync_below(folder)
        os.rename(folder, target)
        sync(target.parent)
        sync(self._folder)  # `deltas` may be new

    def keep_base(self, folder: Path, version: int) -> None:
        """Keeps the files for the next delta, and those of no other version."""
        self._remove_bases_but(None)
        # Not made durable: what a crash of the machine leaves is checked before use.
        target = self._folder / _BASE / str(version)
        target.parent.mkdir(exist_ok=True)
        os.rename(folder, target)

    def bytes_freed_by(self, names: Iterable[str]) -> int:
        """Counts a file that versions share if all its names are among the folders."""
        files = [
            path.lstat()
            for name in names
            for path in (self._folder / name).rglob("*")
            if path.is_file()
        ]
        links = Counter(file.st_ino for file in files)
        by_inode = {file.st_ino: file for file in files}
        return sum(
            file.st_size
            for inode, file in by_inode.items()
            if links[inode] == file.st_nlink
        )

    def remove(self, names: Iterable[str]) -> None:
        """Hides each folder by a rename, then removes it."""
        # A server that lists the folder meanwhile must not find half a version.
        for name in names:
            hidden = Path(tempfile.mkdtemp(prefix=_LEFTOVERS[1], dir=self._folder))
            # Into it, not onto it: of a version that is a link, only the link goes.
            os.rename(self._folder / name, hidden / "version")
            shutil.rmtree(hidden)


def _wait_for_turn(lock: int, folder: str) -> None:
    start, is_said = time.monotonic(), False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_POLL_S)
        if not is_said and time.monotonic() - start > _SAY_AFTER_S:
            _log.warning("%s is changed by another process: waiting for it", folder)
            is_said = True
