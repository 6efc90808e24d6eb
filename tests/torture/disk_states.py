"""The states in which a power loss may leave a disk, by what POSIX promises.

What was synced is there. Each change after the last sync of its file or folder may have
reached the disk or not, whatever became of the changes before and after it. A write may
also be torn: any choice of its sectors is there. And a file may have grown without its
bytes, which are zeros then. A name is durable by the sync of its folder alone; a rename
is there whole or not at all.

File systems promise more: some of these states no disk of today would show.
"""

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SECTOR_BYTES = 512
# What may become of a write; of any other change, the first two.
ABSENT, WHOLE, GROWN, TORN = range(4)
# Files below the recorded folder by their paths; None for a folder.
State = Mapping[str, bytes | None]


class Disk:
    """What a prefix of a log leaves: durable changes, and pending ones.

    Attributes:
        pending: the changes that may or may not be there, by their order in the log.
    """

    def __init__(self, log: Any, length: int):
        """Takes a prefix.

        Args:
            log: as `disk_log.read_log` returns it.
            length: how many of its operations came before the power loss.
        """
        self._folders = log.folders
        self._changes: dict[int, list[Any]] = {}
        durable: dict[int, int] = {}
        for operation in log.operations[:length]:
            kind = type(operation).__name__
            if kind == "Sync":
                durable[operation.node] = len(self._changes.get(operation.node, ()))
            elif kind != "Note":
                self._changes.setdefault(operation.node, []).append(operation)
        pending = [
            change
            for node, changes in self._changes.items()
            for change in changes[durable.get(node, 0) :]
        ]
        self.pending = sorted(pending, key=lambda change: change.at)

    def states(self, most: int, seed: int) -> Iterator[State]:
        """Yields legal states: all if they are few, else the extremes and a sample.

        Args:
            most: how many at most.
            seed: decides on the sample, and on the sectors of torn writes.
        """
        chance = random.Random(seed)
        counts = [4 if _is_write(change) else 2 for change in self.pending]
        choices: Iterator[Sequence[int]] = _sample(counts, most, chance)
        if math.prod(counts) <= most:
            choices = itertools.product(*map(range, counts))
        for choice in choices:
            yield self.state(choice, chance)

    def whole(self) -> State:
        """Returns the state in which everything reached the disk."""
        return self.state([WHOLE] * len(self.pending), random.Random(0))

    def state(self, choice: Sequence[int], chance: random.Random) -> State:
        """Returns the state in which every pending change came out as chosen.

        Args:
            choice: what became of each of `pending`.
            chance: decides on the sectors of torn writes.
        """
        outcomes = {
            change.at: outcome
            for change, outcome in zip(self.pending, choice, strict=True)
        }
        paths: dict[str, bytes | None] = {}
        self._list(0, "", outcomes, chance, paths)
        return paths

    def _list(
        self,
        folder: int,
        prefix: str,
        outcomes: Mapping[int, int],
        chance: random.Random,
        paths: dict[str, bytes | None],
    ) -> None:
        """Adds all that names below a folder lead to."""
        names: dict[str, int | None] = {}
        for change in self._changes.get(folder, ()):
            if outcomes.get(change.at, WHOLE) == WHOLE:
                names |= change.names
        for name, node in names.items():
            path = prefix + name
            if node is None:
                continue
            if node in self._folders:
                paths[path] = None
                self._list(node, f"{path}/", outcomes, chance, paths)
            else:
                paths[path] = self._content(node, outcomes, chance)

    def _content(
        self, node: int, outcomes: Mapping[int, int], chance: random.Random
    ) -> bytes:
        content = b""
        for change in self._changes.get(node, ()):
            outcome = outcomes.get(change.at, WHOLE)
            if outcome != ABSENT:
                after = change.applied(content)
                content = _mixed(content, after, change, outcome, chance)
        return content


def _is_write(change: Any) -> bool:
    return type(change).__name__ == "Data" and change.size is None


def _mixed(
    before: bytes, after: bytes, change: Any, outcome: int, chance: random.Random
) -> bytes:
    """Returns what a file holds if a change came out so."""
    if outcome == WHOLE:
        return after
    mixed = bytearray(before.ljust(len(after), b"\0"))
    if outcome == TORN:
        end = change.offset + len(change.written)
        first = change.offset - change.offset % SECTOR_BYTES
        for start in range(first, end, SECTOR_BYTES):
            if chance.random() < 0.5:
                sector = slice(start, start + SECTOR_BYTES)
                mixed[sector] = after[sector]
    return bytes(mixed)


def _sample(
    counts: list[int], most: int, chance: random.Random
) -> Iterator[Sequence[int]]:
    """Yields nothing, all, changes that came alone or alone did not, and any choice."""
    yield [ABSENT] * len(counts)
    yield [WHOLE] * len(counts)
    odd_ones = list(itertools.product(range(len(counts)), (ABSENT, WHOLE)))
    chance.shuffle(odd_ones)
    half = (most - 2) // 2
    for odd, others in odd_ones[:half]:
        yield [WHOLE - others if i == odd else others for i in range(len(counts))]
    for _ in range(half):
        yield [chance.randrange(count) for count in counts]
