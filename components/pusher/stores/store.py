"""The serving folder: the versions in it, and how they come and go.

    <version>/            a full version, which any model server takes
    deltas/<version>/     a version as what changed since another one, for agents

Only one process changes a folder at a time, under the folder's lock. Where a method
says "under lock", its caller holds it.
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterable
from pathlib import Path

from shardline.components.contracts.model_folder import PUBLICATION_FILE
from shardline.components.pusher.deltas.delta_manifest import (
    MANIFEST_FILE,
    DeltaManifest,
    parsed_manifest,
)
from shardline.components.pusher.publication import (
    Publication,
    PublicationError,
    parsed_publication,
)

DELTAS = "deltas"


class Store(abc.ABC):
    """A serving folder.

    Attributes:
        root: where it is.
    """

    def __init__(self, root: str):
        """Takes a folder, which need not exist yet.

        Args:
            root: a local folder, or one with a scheme such as gs://.
        """
        self.root = root

    @abc.abstractmethod
    def versions(self) -> list[int]:
        """Returns the full versions, smallest first."""

    @abc.abstractmethod
    def deltas(self) -> list[int]:
        """Returns the versions that are deltas, smallest first."""

    @abc.abstractmethod
    def is_full(self, version: int) -> bool:
        """Returns whether a version is a full one, without listing a folder."""

    @abc.abstractmethod
    def read(self, name: str) -> bytes:
        """Returns the content of a small file.

        Args:
            name: below the root.

        Raises:
            OSError: if it cannot be read.
        """

    @abc.abstractmethod
    def size(self, name: str) -> int:
        """Returns the bytes of a file.

        Raises:
            OSError: if there is none.
        """

    @abc.abstractmethod
    def fetch(self, name: str, target: Path) -> None:
        """Copies a file to a local one, whose folder is made.

        Raises:
            OSError: if it cannot be read or written.
        """

    @abc.abstractmethod
    def local_folder(self, version: int) -> Path | None:
        """Returns the local folder that has all files of a version, if there is one."""

    @abc.abstractmethod
    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Waits for its turn to change the folder, and removes leftovers."""

    @abc.abstractmethod
    def claim(self) -> int:
        """Returns a new version, larger than every version ever here. Under lock."""

    @abc.abstractmethod
    def incoming(self) -> contextlib.AbstractContextManager[Path]:
        """Gives a local folder to prepare a version in. Under lock."""

    @abc.abstractmethod
    def put(self, folder: Path, name: str) -> None:
        """Moves a prepared folder in; nobody sees a part of it. Under lock."""

    @abc.abstractmethod
    def keep_base(self, folder: Path, version: int) -> None:
        """Keeps all files of a delta's version for the next delta, if that is cheap."""

    @abc.abstractmethod
    def bytes_freed_by(self, names: Iterable[str]) -> int:
        """Returns the bytes that removing folders would free."""

    @abc.abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Removes folders, so that nobody sees a part of one. Under lock."""

    def newest(self) -> int | None:
        """Returns the largest version, full or delta: the one that is served."""
        return max(self.all_versions(), default=None)

    def all_versions(self) -> list[int]:
        """Returns all versions, full ones and deltas, smallest first."""
        return sorted({*self.versions(), *self.deltas()})

    def name_of(self, version: int) -> str:
        """Returns the folder of a version, below the root."""
        return str(version) if self.is_full(version) else f"{DELTAS}/{version}"

    def location(self, version: int) -> str:
        """Returns the folder of a version."""
        return f"{self.root.rstrip('/')}/{self.name_of(version)}"

    def publication(self, version: int) -> Publication:
        """Returns what a version says of itself.

        Raises:
            PublicationError: if it says nothing, or nothing of use.
        """
        if not self.is_full(version):
            return self.manifest(version).publication
        text = self._read_json(f"{version}/{PUBLICATION_FILE}")
        publication = parsed_publication(text, f"{self.root}/{version}")
        # A folder that was renamed, or copied, by hand is the version it is called.
        return publication.model_copy(update={"version": version})

    def manifest(self, version: int) -> DeltaManifest:
        """Returns what a delta says of itself.

        Raises:
            PublicationError: if it says nothing, or nothing of use.
        """
        text = self._read_json(f"{DELTAS}/{version}/{MANIFEST_FILE}")
        return parsed_manifest(text, f"{self.root}/{DELTAS}/{version}")

    def _read_json(self, name: str) -> bytes:
        try:
            return self.read(name)
        except OSError as error:
            raise PublicationError(
                f"{self.root}/{name}: cannot be read: {error.strerror or error}. "
                "Publish the model again."
            ) from error
