"""A folder with the checkpoint sets of one training.

A set's folder has the step and the kind in its name: `step-000000001200-full`. It is a
set if it has a manifest. One without is what a dead save left.
"""

import dataclasses
import datetime
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from shardline.embedding.checkpoint.crash_points import crash_point
from shardline.embedding.checkpoint.sets.durable import (
    make_folder,
    remove_file,
    replace_file,
    sync_folder,
)
from shardline.embedding.checkpoint.sets.lock import FolderLock, SetLockedError
from shardline.embedding.checkpoint.sets.manifest import (
    Kind,
    ManifestError,
    SetManifest,
    manifest_from_json,
)

__all__ = ["CheckpointSet", "FoundSet", "SetFolder", "SetLockedError", "set_name"]

MANIFEST_FILE = "manifest.json"
TABLES = "tables"
VALUES = "values"
_DAMAGED_FILE = "damaged.json"
_PINNED_FILE = "pinned"
# Files that a manifest does not list.
MARKERS = frozenset({MANIFEST_FILE, _DAMAGED_FILE, _PINNED_FILE})

_NAME = re.compile(r"step-(\d{12})-(full|differential)")

Condition = Literal["complete", "damaged", "remains"]


def set_name(step: int, kind: Kind) -> str:
    """Returns the name of a set's folder."""
    return f"step-{step:012d}-{kind}"


@dataclasses.dataclass(frozen=True)
class CheckpointSet:
    """A complete set; whether its files are whole, only reading them tells.

    Attributes:
        path: its folder.
        manifest: what it says of itself.
    """

    path: Path
    manifest: SetManifest

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.name

    @property
    def step(self) -> int:
        """Training steps behind it."""
        return self.manifest.step

    @property
    def tables_prefix(self) -> str:
        """The checkpoint of the tables, as `tf.train.load_checkpoint` takes it."""
        return str(self.path / TABLES)

    @property
    def values_prefix(self) -> str:
        """The checkpoint of all other variables."""
        return str(self.path / VALUES)

    @property
    def is_pinned(self) -> bool:
        """Whether retention leaves it alone."""
        return (self.path / _PINNED_FILE).exists()


@dataclasses.dataclass(frozen=True)
class FoundSet:
    """What lies in a folder under the name of a set.

    Attributes:
        path: where.
        condition: "complete", "damaged" (marked so, or its manifest is), or "remains":
            without a manifest.
        complete: the set, if its manifest can be read.
        fault: what is wrong with it, "" for nothing known.
    """

    path: Path
    condition: Condition
    complete: CheckpointSet | None
    fault: str = ""


class SetFolder:
    """The sets of one training."""

    def __init__(self, path: Path | str):
        """Opens a folder, which need not be there."""
        self.path = Path(path)

    def make(self) -> None:
        """Makes the folder, if it is not there."""
        make_folder(self.path)

    def lock(self) -> FolderLock:
        """Takes the right to write into the folder.

        Raises:
            SetLockedError: if another process has it.
        """
        return FolderLock(self.path)

    def found(self) -> list[FoundSet]:
        """Returns everything under the name of a set, by step; a full set is later."""
        return [_found(path) for path in sorted(self._paths(), key=_order)]

    def sets(self) -> list[CheckpointSet]:
        """Returns the complete sets that are not known to be damaged, by step."""
        return [
            found.complete
            for found in self.found()
            if found.condition == "complete" and found.complete
        ]

    def named(self, name: str) -> CheckpointSet:
        """Returns a set by the name of its folder.

        Raises:
            FileNotFoundError: if there is none.
            ManifestError: if its manifest is damaged.
        """
        path = self.path / name
        if not _NAME.fullmatch(name) or not (path / MANIFEST_FILE).is_file():
            names = ", ".join(one.name for one in self.sets()) or "none"
            raise FileNotFoundError(
                f"There is no checkpoint set '{name}' in {self.path}; there are: "
                f"{names}."
            )
        return _read(path)

    def chain(self, last: CheckpointSet) -> list[CheckpointSet]:
        """Returns the sets that a set consists of: a full one, then differential ones.

        Args:
            last: the last one.

        Raises:
            FileNotFoundError: if one of them is gone.
            ManifestError: if one is damaged, or is not that on which the next builds.
        """
        sets = [last]
        while (child := sets[0]).manifest.parent is not None:
            parent = self.named(child.manifest.parent)
            if parent.manifest.digest != child.manifest.parent_digest:
                raise ManifestError(
                    f"{parent.path / MANIFEST_FILE} is not what the set {child.name} "
                    "builds on: its digest is another. It was exchanged or written "
                    "anew; restore another set."
                )
            if parent.step >= child.step:
                raise ManifestError(f"{child.path} builds on a later set.")
            sets.insert(0, parent)
        return sets

    def names_of_chain(self, last: CheckpointSet) -> list[str]:
        """Returns the names of `chain`; none if a set is not here as it was."""
        try:
            here = self.named(last.name)
            if here.manifest.digest != last.manifest.digest:
                return []
            return [one.name for one in self.chain(here)]
        except (ManifestError, OSError):
            return []

    def mark_damaged(self, name: str, why: str) -> None:
        """Has a set never be restored, nor counted as kept."""
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        content = json.dumps({"why": why, "found": now}, indent=1)
        replace_file(self.path / name / _DAMAGED_FILE, content.encode())

    def is_good(self, name: str) -> bool:
        """Returns whether a set is there and not marked as damaged; reads no file."""
        path = self.path / name
        is_there = (path / MANIFEST_FILE).exists()
        return is_there and not (path / _DAMAGED_FILE).exists()

    def unpin(self, name: str) -> None:
        """Leaves a set to retention, if it is there, and what it was folded into."""
        for one in {name, name.replace("-differential", "-full")}:
            if (self.path / one).is_dir():
                remove_file(self.path / one / _PINNED_FILE)

    def remove(self, name: str) -> None:
        """Removes a set, or remains; at every moment there is a whole set or none."""
        path = self.path / name
        remove_file(path / MANIFEST_FILE)
        crash_point("before_remove_files")
        shutil.rmtree(path)
        sync_folder(self.path)

    def set_aside(self, name: str) -> None:
        """Makes room for a set of this name; a damaged one stays to be looked at."""
        path = self.path / name
        if not (path / MANIFEST_FILE).exists():
            self.remove(name)
            return
        number = 1
        while (aside := self.path / f"aside-{number}-{name}").exists():
            number += 1
        path.rename(aside)
        sync_folder(self.path)

    def _paths(self) -> Iterator[Path]:
        if not self.path.is_dir():
            return
        for path in self.path.iterdir():
            if _NAME.fullmatch(path.name) and path.is_dir():
                yield path


def pin(path: Path) -> None:
    """Has retention leave a set alone that is being written."""
    replace_file(path / _PINNED_FILE, b"")


def _order(path: Path) -> tuple[int, bool]:
    match = _NAME.fullmatch(path.name)
    return (int(match[1]), match[2] == "full") if match else (0, False)


def _found(path: Path) -> FoundSet:
    try:
        complete = _read(path)
    except FileNotFoundError:
        return FoundSet(path, "remains", None, "it has no manifest")
    except (ManifestError, OSError) as error:
        return FoundSet(path, "damaged", None, str(error))
    if (path / _DAMAGED_FILE).exists():
        return FoundSet(path, "damaged", complete, _why(path / _DAMAGED_FILE))
    return FoundSet(path, "complete", complete)


def _read(path: Path) -> CheckpointSet:
    file = path / MANIFEST_FILE
    try:
        text = file.read_text()
    except UnicodeDecodeError as error:
        raise ManifestError(f"{file} is damaged: it is no text.") from error
    manifest = manifest_from_json(text, str(file))
    if set_name(manifest.step, manifest.kind) != path.name:
        raise ManifestError(
            f"{file} is that of {set_name(manifest.step, manifest.kind)}: it was "
            "copied or exchanged."
        )
    return CheckpointSet(path, manifest)


def _why(path: Path) -> str:
    try:
        return str(json.loads(path.read_text())["why"])
    except (OSError, ValueError, KeyError, TypeError):
        return "it is marked as damaged"
