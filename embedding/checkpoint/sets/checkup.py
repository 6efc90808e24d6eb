"""Checkpoint sets verified one after the other, each once, with what they build on."""

import dataclasses
from collections.abc import Iterator

from shardline.embedding.checkpoint.sets.folder import (
    MANIFEST_FILE,
    CheckpointSet,
    FoundSet,
    SetFolder,
)
from shardline.embedding.checkpoint.sets.manifest import ManifestError
from shardline.embedding.checkpoint.sets.reader import SetDamagedError
from shardline.embedding.checkpoint.sets.verify import verify_set


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What came of verifying a set.

    Attributes:
        name: name of the set's folder.
        faults: what is wrong with it, a line for each fault; none if it is good.
        bytes: of its files, all of which were read; 0 if it could not be opened.
        marked: whether it is marked as damaged now.
    """

    name: str
    faults: list[str]
    bytes: int
    marked: bool

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.faults


def checked(
    folder: SetFolder, last: CheckpointSet | None = None, *, marks: bool = False
) -> Iterator[Verdict]:
    """Verifies sets, and yields a verdict on each, by step.

    Sets that a running training removes meanwhile are left out, as are remains.

    Args:
        folder: the sets of a training.
        last: a set, which is verified with those that it builds on; None verifies all.
        marks: mark damaged sets, so that none is restored.
    """
    faulty: set[str] = set()
    for found in _wanted(folder, last):
        faults = _faults(folder, found, faulty)
        if not (found.path / MANIFEST_FILE).exists():
            continue
        marked = found.condition == "damaged" and found.complete is not None
        if faults:
            faulty.add(found.path.name)
            if marks and not marked:
                folder.mark_damaged(found.path.name, faults[0])
                marked = True
        one = found.complete
        size = one.manifest.saving.bytes if one else 0
        yield Verdict(found.path.name, faults, size, marked)


def _wanted(folder: SetFolder, last: CheckpointSet | None) -> list[FoundSet]:
    found = [one for one in folder.found() if one.condition != "remains"]
    if last is None:
        return found
    names, name = set(), last.name
    parents = {
        one.path.name: one.complete.manifest.parent for one in found if one.complete
    }
    while name not in names:
        names.add(name)
        name = parents.get(name) or name
    return [one for one in found if one.path.name in names]


def _faults(folder: SetFolder, found: FoundSet, faulty: set[str]) -> list[str]:
    """Returns what is wrong with a set; `faulty` names those among earlier ones."""
    if found.complete is None:
        return [found.fault]
    try:
        faults = verify_set(found.complete)
    except (FileNotFoundError, SetDamagedError) as error:
        # A file went away between two looks at it.
        faults = [str(error)]
    if found.condition == "damaged" and not faults:
        faults.append(f"it is marked as damaged: {found.fault}")
    try:
        chain = folder.chain(found.complete)
    except (FileNotFoundError, ManifestError) as error:
        return [*faults, str(error)]
    broken = [one.name for one in chain[:-1] if one.name in faulty]
    return faults + [f"it builds on {name}, which is damaged" for name in broken]
