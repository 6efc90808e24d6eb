"""An index of keys by their hashes: 16 bytes a key, each found key compared itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.readers.files.joins import keys as key_rules


class KeyIndex:
    """Finds the rows of keys."""

    def __init__(self, keys: pa.Array, hashes: np.ndarray) -> None:
        """Sorts the hashes.

        Args:
            keys: of all rows, large binary without nulls.
            hashes: of all rows, as `hashes_of` gives them: uint64 [rows].
        """
        self._keys = keys
        self._rows = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._rows]

    def doubled(self) -> tuple[int, int] | None:
        """Returns the first row whose key an earlier row has; None if none has.

        Returns:
            The earlier row, and that one.
        """
        alike = self._hashes[1:] == self._hashes[:-1]
        in_runs = np.zeros(len(self._rows), bool)
        in_runs[1:] |= alike
        in_runs[:-1] |= alike
        rows = np.sort(self._rows[in_runs])
        if not len(rows):
            return None
        encoded = self._keys.take(pa.array(rows)).dictionary_encode()
        codes = encoded.indices.to_numpy()
        _, first, places = np.unique(codes, return_index=True, return_inverse=True)
        again = np.flatnonzero(first[places] != np.arange(len(rows)))
        if not len(again):
            return None
        return int(rows[first[places[again[0]]]]), int(rows[again[0]])

    def find(self, keys: pa.Array) -> np.ndarray:
        """Returns the row of each key, or -1 if none has it: int64 [keys].

        Args:
            keys: large binary, without nulls.
        """
        found = np.full(len(keys), -1, np.int64)
        hashes = key_rules.hashes_of(keys)
        # In their order, so that the search goes through memory once.
        order = np.argsort(hashes)
        places = np.empty(len(keys), np.int64)
        places[order] = np.searchsorted(self._hashes, hashes[order])
        left = np.arange(len(keys))
        while len(left):
            # Several keys may have one hash: those after it are compared in turn.
            left = left[places[left] < len(self._hashes)]
            left = left[self._hashes[places[left]] == hashes[left]]
            rows = self._rows[places[left]]
            is_it = _equal(self._keys, rows, keys, left)
            found[left[is_it]] = rows[is_it]
            left = left[~is_it]
            places[left] += 1
        return found


def _equal(
    keys: pa.Array, rows: Sequence[int], others: pa.Array, places: np.ndarray
) -> np.ndarray:
    ours, theirs = keys.take(pa.array(rows)), others.take(pa.array(places))
    return np.asarray(pc.equal(ours, theirs), bool)
