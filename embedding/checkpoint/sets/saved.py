"""What a save has come to: a set that is on the disk, or an error in words."""

import dataclasses
from pathlib import Path

from shardline.embedding.checkpoint.error_text import reason_of
from shardline.embedding.checkpoint.sets.folder import CheckpointSet
from shardline.embedding.checkpoint.sets.manifest import Kind


class SaveError(RuntimeError):
    """A set could not be saved; those before it are as they were."""


@dataclasses.dataclass(frozen=True)
class SavedSet:
    """A set that is on the disk.

    Attributes:
        name: the name of its folder.
        step: training steps behind it.
        kind: "full" or "differential".
        bytes: the size of its files.
        seconds: how long it took.
        pause_seconds: for how long training stood still.
    """

    name: str
    step: int
    kind: Kind
    bytes: int
    seconds: float
    pause_seconds: float


def saved_set(one: CheckpointSet) -> SavedSet:
    """Returns what is reported of a set that is on the disk."""
    saving = one.manifest.saving
    return SavedSet(
        one.name,
        one.step,
        one.manifest.kind,
        saving.bytes,
        saving.seconds,
        saving.pause_seconds,
    )


def not_saved(
    path: Path, newest: CheckpointSet | None, error: BaseException
) -> SaveError:
    """Returns the error of a set that there is not.

    Args:
        path: where it should have been.
        newest: the last set that there is.
        error: what happened.
    """
    complete = "No set is complete yet. "
    if newest:
        complete = f"The last set that is complete: {newest.name}. "
    onward = "goes on from it" if newest else "begins anew"
    failed = SaveError(
        f"The checkpoint set {path} could not be saved: {reason_of(error)}. "
        f"{complete}Mend the cause, such as a full disk or a mount that is gone, and "
        f"run again: training {onward}."
    )
    failed.__cause__ = error
    return failed


def not_followed(saved: CheckpointSet, error: BaseException) -> SaveError:
    """Returns the error of what was to be done once a set was on the disk.

    Args:
        saved: the set.
        error: what happened.
    """
    failed = SaveError(
        f"The checkpoint set {saved.path} is complete, but what follows it failed: "
        f"{reason_of(error)}. Mend the cause and run again: training goes on from it."
    )
    failed.__cause__ = error
    return failed
