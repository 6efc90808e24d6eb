"""Which checkpoint sets are kept."""

import dataclasses
from collections.abc import Sequence

from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder


@dataclasses.dataclass(frozen=True)
class Keep:
    """How many sets are kept, beside those that are pinned.

    Attributes:
        last: so many of the latest steps, at least 1.
        every_steps: beside them, the first set at or after each multiple of so many
            steps.
    """

    last: int = 2
    every_steps: int | None = None

    def __post_init__(self) -> None:
        """Refuses what would keep nothing."""
        if self.last < 1 or (self.every_steps is not None and self.every_steps < 1):
            raise ValueError(
                "last and every_steps must be at least 1, got "
                f"{self.last} and {self.every_steps}."
            )


def removable(sets: Sequence[CheckpointSet], keep: Keep) -> list[CheckpointSet]:
    """Returns the sets that nothing needs, later ones first.

    Later ones first, so that no set ever lacks what it builds on.

    Args:
        sets: all complete sets of a folder, by step.
        keep: which are kept.
    """
    # Of two sets of one step, the later in order is full and needs no other.
    of_step = {one.step: one for one in sets}
    kept = {of_step[step].name for step in sorted(of_step)[-keep.last :]}
    kept |= {one.name for one in sets if one.is_pinned}
    if keep.every_steps:
        reached = -1
        for step in sorted(of_step):
            if step // keep.every_steps > reached:
                reached = step // keep.every_steps
                kept.add(of_step[step].name)
    by_name = {one.name: one for one in sets}
    waiting = list(kept)
    while waiting:
        one = by_name.get(waiting.pop())
        if one and one.manifest.parent and one.manifest.parent not in kept:
            kept.add(one.manifest.parent)
            waiting.append(one.manifest.parent)
    return [one for one in reversed(sets) if one.name not in kept]


def collect_garbage(folder: SetFolder, keep: Keep) -> list[str]:
    """Removes the sets that nothing needs; returns their names.

    Args:
        folder: locked by this process; its newest set is durable.
        keep: which sets are kept.
    """
    names = [one.name for one in removable(folder.sets(), keep)]
    for name in names:
        folder.remove(name)
    return names


def remove_remains(folder: SetFolder) -> list[str]:
    """Removes what dead saves left; returns the names.

    Args:
        folder: locked by this process, so that no save is alive.
    """
    names = [one.path.name for one in folder.found() if one.condition == "remains"]
    for name in names:
        folder.remove(name)
    return names
