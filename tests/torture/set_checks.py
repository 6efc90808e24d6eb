"""Whether sets hold what a training that was never stopped had at their steps.

Used by programs, and loaded by tests.
"""

import dataclasses
from collections.abc import Container, Iterable, Sequence
from typing import Any

from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.reader import SetDamagedError
from shardline.embedding.checkpoint.sets.restore import (
    Restored,
    restore_newest,
    restore_set,
)
from shardline.embedding.checkpoint.sets.verify import verify_set


@dataclasses.dataclass
class Checked:
    """What was found in a folder.

    Attributes:
        steps: of the sets that are whole.
        restored: digests of the manifests of those that were restored, to the bit.
        faults: a line for each thing that must not be.
    """

    steps: list[int] = dataclasses.field(default_factory=list)
    restored: list[str] = dataclasses.field(default_factory=list)
    faults: list[str] = dataclasses.field(default_factory=list)


def check_sets(
    folder: SetFolder,
    training: Any,
    digests: Sequence[str],
    known: Container[str] = (),
) -> Checked:
    """Verifies every set of a folder, and restores it, by itself.

    Args:
        folder: the sets.
        training: a `SmallTraining`, which is overwritten.
        digests: what `SmallTraining.digest` is at each step.
        known: digests of manifests of sets that need not be restored again: if they
            verify, they are what they were.
    """
    checked = Checked()
    for found in folder.found():
        if found.condition == "damaged":
            checked.faults.append(f"{found.path.name} is damaged: {found.fault}")
        if found.condition != "complete" or found.complete is None:
            continue
        digest = found.complete.manifest.digest
        if digest in known:
            faults = verify_set(found.complete)
        else:
            faults = set_faults(folder, found.complete, training, digests)
            checked.restored += [] if faults else [digest]
        checked.faults += faults
        checked.steps += [] if faults else [found.complete.step]
    return checked


def set_faults(
    folder: SetFolder, one: CheckpointSet, training: Any, digests: Sequence[str]
) -> list[str]:
    """Verifies and restores one set; returns what must not be."""
    if faults := verify_set(one):
        return [f"{one.name} does not verify: {'; '.join(faults)}"]
    training.spoil()
    try:
        restored = restore_set(
            folder, one, training.engine, training.variables, training.lineage
        )
    except SetDamagedError as error:
        return [f"{one.name} verifies and does not restore: {error}"]
    return _differences(one.name, restored, training, digests)


def restore(
    folder: SetFolder, training: Any, digests: Sequence[str]
) -> tuple[Restored | None, list[str]]:
    """Restores the newest set; returns it, None for none, and what must not be."""
    faults: list[str] = []
    if folder.sets():
        training.spoil()
    try:
        restored = restore_newest(
            folder,
            training.engine,
            training.variables,
            lineage=training.lineage,
            on_damaged=lambda name, why: faults.append(f"{name} is damaged: {why}"),
        )
    except SetDamagedError as error:
        return None, [*faults, str(error)]
    if restored is None:
        return None, faults
    name = restored.checkpoint_set.name
    return restored, faults + _differences(name, restored, training, digests)


def lost_steps(
    durable: Iterable[int], pinned: Iterable[int], there: Iterable[int], keep: Any
) -> list[int]:
    """Returns the steps of durable sets that are gone and no rule removed.

    Args:
        durable: steps of all sets that were ever reported durable.
        pinned: those of them that must be there whatever the rule.
        there: steps of the sets that are there and whole.
        keep: the rule, a `Keep` with both numbers.
    """
    steps = sorted(durable)
    # Backwards, so that the first step of each period is what remains.
    first_of = {step // keep.every_steps: step for step in reversed(steps)}
    kept = {*steps[-keep.last :], *first_of.values(), *pinned}
    return sorted(kept - set(there))


def _differences(
    name: str, restored: Restored, training: Any, digests: Sequence[str]
) -> list[str]:
    faults = []
    if training.digest() != digests[restored.step]:
        faults.append(f"{name} restores to other values than step {restored.step} had")
    if (restored.step, dict(restored.state)) != (training.step, training.state):
        faults.append(f"{name} holds another step or state of the reader")
    return faults
