"""Lets a training go back: later sets are put out of the way."""

import dataclasses
import datetime
from pathlib import Path

from shardline.embedding.checkpoint.sets.durable import make_folder, sync_folder
from shardline.embedding.checkpoint.sets.folder import (
    CheckpointSet,
    FoundSet,
    SetFolder,
)
from shardline.embedding.checkpoint.sets.verify import verify_set

REWOUND = "rewound-"


class RewindError(ValueError):
    """A training that cannot go back to a step."""


@dataclasses.dataclass(frozen=True)
class Rewound:
    """What a rewind did.

    Attributes:
        newest: name of the set from which training goes on.
        step: its step.
        removed: names of the later sets, the newest first.
        kept_in: where these are now; None if they were deleted, or there were none.
    """

    newest: str
    step: int
    removed: list[str]
    kept_in: Path | None


def rewind(folder: SetFolder, step: int, *, deletes: bool = False) -> Rewound:
    """Makes a set the newest one: moves later ones into a folder beside the sets.

    They go newest first, so that at every moment what is there can be restored; a
    rewind that was interrupted is finished by the same call.

    Args:
        folder: the sets of a training.
        step: the step of a set.
        deletes: delete later sets instead.

    Raises:
        RewindError: if there is no set of the step, or it fails verification.
        SetLockedError: if a process saves to the folder.
    """
    lock = folder.lock()
    try:
        target = _target(folder, step)
        later = [one.path for one in folder.found() if _is_later(one, step)][::-1]
        away = None if deletes or not later else _new_folder(folder)
        for path in later:
            if away is None:
                folder.remove(path.name)
            else:
                path.rename(away / path.name)
                sync_folder(away)
                sync_folder(folder.path)
        return Rewound(target.name, step, [path.name for path in later], away)
    finally:
        lock.release()


def _target(folder: SetFolder, step: int) -> CheckpointSet:
    """Returns the set of a step, all of which was read and found good."""
    sets = folder.sets()
    at_step = [one for one in sets if one.step == step]
    if not at_step:
        steps = ", ".join(str(s) for s in sorted({one.step for one in sets})) or "none"
        raise RewindError(
            f"{folder.path} has no good set of step {step}. There are sets of the "
            f"steps {steps}."
        )
    # Of two, the full one comes last; it needs no other.
    target = at_step[-1]
    faults = [fault for one in folder.chain(target) for fault in verify_set(one)]
    if faults:
        raise RewindError(
            f"{target.path} fails verification: {'; '.join(faults)}. Go back to "
            "another step."
        )
    return target


def _is_later(found: FoundSet, step: int) -> bool:
    # The next saver removes remains.
    is_set = found.condition != "remains"
    return is_set and int(found.path.name.split("-")[1]) > step


def _new_folder(folder: SetFolder) -> Path:
    """Makes the folder for sets that are put away now."""
    now = datetime.datetime.now(datetime.UTC)
    path = folder.path / f"{REWOUND}{now:%Y%m%dT%H%M%S.%fZ}"
    make_folder(path)
    return path
