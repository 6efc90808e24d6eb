"""The run folder: where a run keeps what it makes."""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from shardline.components.folders.lock import FolderHeldError, FolderLock, locked
from shardline.configs.outputs import (
    ARTIFACTS_FOLDER,
    DOWNLOADS_FOLDER,
    METADATA_FILE,
    SERVING_FOLDER,
    output_folder,
)


class OutputError(RuntimeError):
    """An output folder that cannot be used."""


class RunFolderHeldError(OutputError):
    """A run folder that another run works in."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The folders of one output folder; runs into the same one reuse each other's work.

    Attributes:
        root: the output folder.
    """

    root: Path

    @property
    def metadata(self) -> Path:
        """ML Metadata, a SQLite file."""
        return self.root / METADATA_FILE

    @property
    def artifacts(self) -> Path:
        """The outputs of components, a folder for each component."""
        return self.root / ARTIFACTS_FOLDER

    @property
    def serving(self) -> Path:
        """The folder that model servers watch."""
        return self.root / SERVING_FOLDER

    @property
    def logs(self) -> Path:
        """One log file for each run."""
        return self.root / "logs"

    @property
    def data(self) -> Path:
        """Data packages that were downloaded."""
        return self.root / DOWNLOADS_FOLDER

    @property
    def lock_file(self) -> Path:
        """The lock that a run holds, and who holds it."""
        return self.root / ".lock"

    @contextlib.contextmanager
    def held(
        self, on_wait: Callable[[str], None] | None = None
    ) -> Iterator[FolderLock]:
        """Holds the run folder for the time of a block; `make` has made it.

        Args:
            on_wait: called once, with who holds the run folder, if it is to be waited
                for; None: that is an error.

        Raises:
            RunFolderHeldError: if another process holds it and it is not waited for.
            LockError: if the file system has no locks.
        """
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context(locked(self.lock_file, on_wait))
            except FolderHeldError as error:
                raise RunFolderHeldError(
                    f"The run folder {self.root} is held by {error}. Wait until it has "
                    "ended, or stop it."
                ) from error
            yield lock

    def make(self) -> None:
        """Makes the folders.

        Raises:
            OutputError: if the output folder cannot be made or written.
        """
        try:
            for folder in (self.artifacts, self.serving, self.logs, self.data):
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise OutputError(
                f"The output folder {self.root} cannot be written: "
                f"{os.strerror(error.errno or 0)}. Choose another with --output-dir."
            ) from error


def run_folder_of(name: str, output_dir: Path | None) -> RunFolder:
    """Returns the folder of a run.

    Args:
        name: the name of the run.
        output_dir: where its outputs go, if not to `runs/<name>`.
    """
    return RunFolder((output_dir or output_folder(name)).resolve())
