"""All that lies in a folder of checkpoint sets, as a table of it shows it.

Only manifests and the sizes of files are read: that a set is complete says that it was
saved whole, not that its files still have their bits.
"""

import contextlib
import dataclasses
from typing import Literal, TypeAlias

from shardline.embedding.checkpoint.sets.folder import (
    MANIFEST_FILE,
    CheckpointSet,
    FoundSet,
    SetFolder,
)
from shardline.embedding.checkpoint.sets.lock import holder, is_locked
from shardline.embedding.checkpoint.sets.rewind import REWOUND

Condition: TypeAlias = Literal["complete", "damaged", "being written", "remains"]


@dataclasses.dataclass(frozen=True)
class ListedSet:
    """A checkpoint set, or what is left of one.

    Attributes:
        name: name of its folder.
        condition: "complete", "damaged", "being written" (without a manifest, and a
            process saves), or "remains" (without a manifest, and none does).
        why: what is wrong with it; "" for nothing known.
        bytes: of its files, as they are.
        step: training steps behind it. None from here on if it has no manifest.
        kind: "full" or "differential".
        parent: name of the set that a differential one builds on.
        depth: how many differential sets make it up, it included.
        hosts: how many hosts wrote it.
        rows: how rows are held.
        stored_rows: how many rows it holds, of all tables.
        started: when it was saved, in ISO 8601.
        seconds: how long that took.
        pause_seconds: for how long training stood still.
        pinned: whether retention leaves it alone.
    """

    name: str
    condition: Condition
    why: str
    bytes: int
    step: int | None = None
    kind: str | None = None
    parent: str | None = None
    depth: int | None = None
    hosts: int | None = None
    rows: str | None = None
    stored_rows: int | None = None
    started: str | None = None
    seconds: float | None = None
    pause_seconds: float | None = None
    pinned: bool = False


@dataclasses.dataclass(frozen=True)
class Listing:
    """A folder of checkpoint sets.

    Attributes:
        sets: what lies in it, by step.
        held_by: who saves to it now; None if no process does.
        rewound: names of folders with sets that a rewind put away.
    """

    sets: list[ListedSet]
    held_by: str | None
    rewound: list[str]


def listed(folder: SetFolder) -> Listing:
    """Returns what lies in a folder of sets."""
    # Before the sets: what is without a manifest then is no save of a later process.
    held_by = holder(folder.path) if is_locked(folder.path) else None
    sets = []
    for found in folder.found():
        # A running training removes sets.
        with contextlib.suppress(FileNotFoundError):
            one = _listed(found, held_by)
            if not found.complete or (found.path / MANIFEST_FILE).exists():
                sets.append(one)
    rewound = sorted(path.name for path in folder.path.glob(f"{REWOUND}*"))
    return Listing(sets, held_by, rewound)


def _listed(found: FoundSet, held_by: str | None) -> ListedSet:
    name, condition, why = found.path.name, found.condition, found.fault
    size = sum(path.stat().st_size for path in found.path.iterdir())
    if found.complete is None:
        if condition == "remains" and held_by:
            return ListedSet(name, "being written", "", size)
        return ListedSet(name, condition, why, size)
    manifest = found.complete.manifest
    if condition == "complete" and (faults := _size_faults(found.complete)):
        condition, why = "damaged", "; ".join(faults)
    return ListedSet(
        name,
        condition,
        why,
        size,
        step=manifest.step,
        kind=manifest.kind,
        parent=manifest.parent,
        depth=manifest.depth,
        hosts=manifest.hosts,
        rows=manifest.rows,
        stored_rows=sum(table.stored_rows for table in manifest.tables.values()),
        started=manifest.saving.started,
        seconds=manifest.saving.seconds,
        pause_seconds=manifest.saving.pause_seconds,
        pinned=found.complete.is_pinned,
    )


def _size_faults(one: CheckpointSet) -> list[str]:
    """Returns which files are missing or have another size than the manifest says."""
    faults = []
    for name, file in one.manifest.files.items():
        path = one.path / name
        if not path.is_file():
            faults.append(f"{name} is missing")
        elif (size := path.stat().st_size) != file.bytes:
            faults.append(f"{name} has {size:,} bytes, not {file.bytes:,}")
    return faults
