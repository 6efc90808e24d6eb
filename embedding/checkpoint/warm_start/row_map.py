"""Which row of a checkpoint each row of a new table begins with."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from shardline.embedding.checkpoint.warm_start.errors import WarmStartError

FRESH = -1
_BLOCK_ROWS = 2**20


def _no_rows() -> np.ndarray:
    return np.empty(0, np.int64)


@dataclasses.dataclass(frozen=True)
class Copies:
    """Fresh rows that begin with the parameters of a row of the checkpoint.

    Attributes:
        rows: int64 [n], rows of the new table, no two alike.
        sources: int64 [n], rows of the checkpoint; one may be copied several times.
    """

    rows: np.ndarray = dataclasses.field(default_factory=_no_rows)
    sources: np.ndarray = dataclasses.field(default_factory=_no_rows)


@dataclasses.dataclass(frozen=True)
class Means:
    """Fresh rows that begin with the mean of others.

    Attributes:
        rows: int64 [n], rows of the new table, no two alike.
        of: int64 [m], rows of the new table that are moved, ascending; at least one if
            there are `rows`.
    """

    rows: np.ndarray = dataclasses.field(default_factory=_no_rows)
    of: np.ndarray = dataclasses.field(default_factory=_no_rows)


@dataclasses.dataclass(frozen=True)
class RowMap:
    """Where the rows of one new table come from.

    Attributes:
        sources: int32 or int64 [rows of the new table]: the row of the checkpoint that
            a row moves from, with its slots; -1: it is fresh. No two rows move from
            one.
        copies: fresh rows that begin with another row's parameters.
        means: fresh rows that begin with the mean of others. All other fresh rows stay
            as the engine made them, and so do the slots of all.
    """

    sources: np.ndarray
    copies: Copies = Copies()
    means: Means = Means()

    @property
    def moved(self) -> int:
        """How many rows move."""
        return int(np.count_nonzero(self.sources >= 0))

    def check(self, table: str, rows: int, source_rows: int) -> None:
        """Checks that the map fits.

        Args:
            table: its name, for messages.
            rows: of the new table.
            source_rows: of the table in the checkpoint.

        Raises:
            WarmStartError: if it does not.
        """
        if self.sources.ndim != 1 or self.sources.dtype not in (np.int32, np.int64):
            raise WarmStartError(
                f"Table '{table}': the map of rows must be int32 or int64 [{rows}], "
                f"got {self.sources.dtype} {list(self.sources.shape)}."
            )
        if len(self.sources) != rows:
            raise WarmStartError(
                f"Table '{table}' has {rows:,} rows, and the map tells of "
                f"{len(self.sources):,}. Give one number for each row of the new table."
            )
        lowest, highest = self.sources.min(), self.sources.max()
        if lowest < FRESH or highest >= source_rows:
            sources = self.sources
            row = int(sources.argmin() if lowest < FRESH else sources.argmax())
            raise WarmStartError(
                f"Table '{table}': row {row} comes from row {self.sources[row]}, and "
                f"the checkpoint has the rows 0 to {source_rows - 1}. Give -1 for a "
                "fresh row."
            )
        copies, means = self.copies, self.means
        _check_within(copies.sources, source_rows, f"Table '{table}': rows to copy")
        if len(copies.rows) != len(copies.sources):
            raise WarmStartError(
                f"Table '{table}': {len(copies.rows):,} rows are to be copies of "
                f"{len(copies.sources):,} rows. Give a source for each."
            )
        _check_within(means.of, rows, f"Table '{table}': rows to take the mean of")
        if len(means.rows) and not len(means.of):
            raise WarmStartError(
                f"Table '{table}': {len(means.rows):,} rows are to be the mean of no "
                "row. Leave them fresh."
            )
        if len(means.of) and (self.sources[means.of] < 0).any():
            raise WarmStartError(
                f"Table '{table}': a mean is taken of a fresh row. Take it of rows "
                "that move."
            )
        begun = np.concatenate([copies.rows, means.rows])
        _check_within(begun, rows, f"Table '{table}': fresh rows")
        if len(begun) and (self.sources[begun] >= 0).any():
            raise WarmStartError(
                f"Table '{table}': a row both moves and begins with other values."
            )
        if len(np.unique(begun)) != len(begun):
            raise WarmStartError(
                f"Table '{table}': a fresh row is given two values to begin with."
            )

    def targets(self, table: str, source_rows: int) -> np.ndarray:
        """Returns for each row of the checkpoint the row it moves to, or -1.

        Args:
            table: its name, for messages.
            source_rows: of the table in the checkpoint.

        Returns:
            int32 or int64 [source_rows].

        Raises:
            WarmStartError: if two rows move from one.
        """
        targets = np.full(source_rows, FRESH, _number_type(len(self.sources)))
        for first, rows, sources in self._moving_blocks():
            targets[sources] = first + rows
        # The last of several rows that move from one has taken its place.
        for first, rows, sources in self._moving_blocks():
            lost = targets[sources] != first + rows
            if lost.any():
                source = int(sources[np.argmax(lost)])
                raise WarmStartError(
                    f"Table '{table}': two rows move from row {source} of the "
                    "checkpoint. Have one of them be a copy."
                )
        return targets

    def _moving_blocks(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yields first row, positions and sources of moving rows, block by block."""
        for first in range(0, len(self.sources), _BLOCK_ROWS):
            block = self.sources[first : first + _BLOCK_ROWS]
            rows = np.flatnonzero(block >= 0)
            yield first, rows, block[rows]


def fresh_rows(rows: int) -> np.ndarray:
    """Returns sources of rows that are all fresh, to be filled in: int32 if that does.

    Args:
        rows: of the new table.
    """
    return np.full(rows, FRESH, _number_type(rows))


def same_rows(rows: int, source_rows: int) -> RowMap:
    """Returns the map of rows that stay where they are; further ones are fresh.

    Args:
        rows: of the new table.
        source_rows: of the table in the checkpoint.
    """
    sources = np.arange(rows, dtype=_number_type(rows))
    sources[source_rows:] = FRESH
    return RowMap(sources)


def _number_type(rows: int) -> type[np.signedinteger[Any]]:
    """Returns what row numbers are held in, for there is one for each row."""
    return np.int32 if rows <= np.iinfo(np.int32).max else np.int64


def _check_within(rows: np.ndarray, count: int, what: str) -> None:
    if len(rows) and (rows.min() < 0 or rows.max() >= count):
        raise WarmStartError(
            f"{what} must be 0 to {count - 1}, got {rows.min()} to {rows.max()}."
        )
