"""How many rows files hold, give on and leave out, and how many have each column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from shardline.components.readers.files.raw_batch import RawBatch


@dataclass
class Tally:
    """Sums of what was read; those of several workers add up in any order.

    Attributes:
        stored: by file, the rows that it holds by its own account, which is no sum of
            batches; a file that cannot tell is not named. Every part tells the whole.
        given: the rows given on, by file and split.
        left_out: by file, the rows left out; every file that was read is named.
        passed_over: by file, the good rows of other spans.
        looked_at: by split, the rows whose columns were looked for.
        having: by split and column, those of them that have it, if with no value.
    """

    stored: dict[str, int] = field(default_factory=dict)
    given: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)
    looked_at: dict[str, int] = field(default_factory=dict)
    having: dict[str, dict[str, int]] = field(default_factory=dict)

    def give(self, file: str, split: str, rows: int) -> None:
        """Counts rows that are given on."""
        _add(self.given.setdefault(file, {}), {split: rows})

    def leave_out(self, file: str, rows: int) -> None:
        """Counts rows that are left out; no row says that the file was read."""
        _add(self.left_out, {file: rows})

    def pass_over(self, file: str, rows: int) -> None:
        """Counts rows of other spans."""
        _add(self.passed_over, {file: rows})

    def look_at(self, raw: RawBatch, split: str, rows: np.ndarray) -> None:
        """Counts the rows that have each column.

        Args:
            raw: what a file has, the rows named by their own columns or by the file's.
            split: the split that the rows are of.
            rows: those to look at, bool [rows of the batch].
        """
        total = int(np.count_nonzero(rows))
        _add(self.looked_at, {split: total})
        having = self.having.setdefault(split, {})
        for name, array in raw.columns.items():
            count = total
            names_own = raw.names is not None and name not in raw.joined
            if names_own and array.null_count:
                is_there = array.is_valid().to_numpy(zero_copy_only=False)
                count = int(np.count_nonzero(is_there & rows))
            _add(having, {name: count})

    def merge(self, other: Tally) -> None:
        """Adds what another worker counted."""
        self.stored.update(other.stored)
        _add(self.left_out, other.left_out)
        _add(self.passed_over, other.passed_over)
        _add(self.looked_at, other.looked_at)
        for file, given in other.given.items():
            _add(self.given.setdefault(file, {}), given)
        for split, having in other.having.items():
            _add(self.having.setdefault(split, {}), having)


def _add(sums: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        sums[name] = sums.get(name, 0) + count
