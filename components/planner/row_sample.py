"""A sample of rows, drawn in one pass: those whose numbers have the smallest hashes.

Which rows are drawn depends on their numbers alone, so the same data give the same
sample whatever the size of batches. In the order of hashes rows are well mixed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_UNIT = np.uint64(0x9E3779B97F4A7C15)


class RowSample:
    """Keeps so many rows."""

    def __init__(self, rows: int) -> None:
        """Starts with no row.

        Args:
            rows: the most to keep.
        """
        self._rows = rows
        self._batches: list[pa.RecordBatch] = []
        self._hashes: list[np.ndarray] = []
        self._waiting = 0
        self._most = np.uint64(2**64 - 1)

    def add(self, batch: pa.RecordBatch, unit: int, first: int) -> None:
        """Offers rows.

        Args:
            batch: the rows.
            unit: number of the unit of work that they are from.
            first: number of the first of them in it.
        """
        hashes = row_hashes(unit, np.arange(first, first + batch.num_rows))
        drawn = hashes <= self._most
        if drawn.any():
            self._batches.append(batch.filter(pa.array(drawn)))
            self._hashes.append(hashes[drawn])
            self._waiting += int(drawn.sum())
        if self._waiting > 2 * self._rows:
            self.drawn()

    def drawn(self) -> pa.RecordBatch | None:
        """Returns the rows drawn so far, mixed; None if none was offered."""
        if not self._batches:
            return None
        table = pa.Table.from_batches(self._batches)
        hashes = np.concatenate(self._hashes)
        order = np.argsort(hashes, kind="stable")[: self._rows]
        (batch,) = table.take(pa.array(order)).combine_chunks().to_batches()
        self._batches, self._hashes = [batch], [hashes[order]]
        self._waiting = len(order)
        if len(order) == self._rows:
            self._most = self._hashes[0][-1]
        return batch


def row_hashes(unit: int, rows: np.ndarray) -> np.ndarray:
    """Returns uint64 [n], by splitmix64 of the unit's and the rows' numbers."""
    start = _mixed(np.array([unit], np.uint64) * _UNIT)
    return _mixed(start + (rows.astype(np.uint64) + np.uint64(1)) * _UNIT)


def _mixed(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed
