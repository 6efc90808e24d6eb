"""Quantiles of whole numbers, which stay whole: in one pass, small, and mergeable.

The sketch of TensorFlow Transform takes floating-point numbers, which have not the
digits of int64. This one is that of Munro and Paterson, "Selection and Sorting with
Limited Storage", 1980: values are kept at levels, where one of level i stands for 2^i.
A level that is full is sorted, and every other value of it goes one level up.
"""

from collections.abc import Iterable

import numpy as np

# A level that has twice as many is full. The ranks of values are then off by less than
# log2(values / 4096) / 4096 of the values, and by nothing up to 4096 values.
_KEPT = 2048
_KEPT_OF_A_BUCKET = 16
_STORED = np.dtype("<i8")


class WholeQuantiles:
    """A sketch of the quantiles of int64 values."""

    def __init__(self, buckets: int) -> None:
        """Starts with no value.

        Args:
            buckets: the most that the values will be parted into.
        """
        self._full = 2 * max(_KEPT, _KEPT_OF_A_BUCKET * buckets)
        self._levels: list[np.ndarray] = []
        # Of each level, whether the second of two values goes up the next time.
        self._turns: list[int] = []

    def add(self, values: np.ndarray) -> None:
        """Adds values: int64 [n]."""
        self._add(0, values)

    def merge(self, other: bytes) -> None:
        """Adds what another sketch of as many buckets held, as it was stored."""
        stored = np.frombuffer(other, _STORED).astype(np.int64)
        count = int(stored[0])
        ends = np.cumsum(stored[1 : 1 + count]) + 1 + count
        for level, values in enumerate(np.split(stored, ends)[:-1]):
            self._add(level, values[1 + count :] if level == 0 else values)

    def to_bytes(self) -> bytes:
        """Returns what is held: the number of levels, their sizes, and their values."""
        sizes = [len(self._levels), *map(len, self._levels)]
        held = np.concatenate([np.array(sizes, np.int64), *self._levels])
        return held.astype(_STORED).tobytes()

    def boundaries(self, buckets: int) -> list[int]:
        """Returns where buckets of about equally many values end.

        Args:
            buckets: how many.

        Returns:
            buckets - 1 values, none smaller than the one before, each the first of its
            bucket; zeros if there is no value.
        """
        if not any(len(values) for values in self._levels):
            return [0] * (buckets - 1)
        values = np.concatenate(self._levels)
        stand_for = np.repeat(
            2 ** np.arange(len(self._levels)), [len(some) for some in self._levels]
        )
        order = np.argsort(values, kind="stable")
        ends = np.cumsum(stand_for[order])
        ranks = [int(ends[-1]) * bucket // buckets for bucket in range(1, buckets)]
        positions = np.searchsorted(ends, ranks, side="right")
        found: list[int] = values[order][positions].tolist()
        return found

    def _add(self, level: int, values: np.ndarray) -> None:
        if level == len(self._levels):
            self._levels.append(np.empty(0, np.int64))
            self._turns.append(0)
        held = np.concatenate([self._levels[level], values])
        if len(held) < self._full:
            self._levels[level] = held
            return
        held.sort()
        paired = len(held) // 2 * 2
        self._levels[level] = held[paired:]
        turn = self._turns[level]
        self._turns[level] = 1 - turn
        self._add(level + 1, held[turn:paired:2])


def merged_boundaries(stored: Iterable[bytes], buckets: int) -> list[int]:
    """Returns where buckets end, of the values of several sketches.

    Args:
        stored: sketches of parts of the values.
        buckets: how many of about equally many values.
    """
    whole = WholeQuantiles(buckets)
    for part in stored:
        whole.merge(part)
    return whole.boundaries(buckets)
