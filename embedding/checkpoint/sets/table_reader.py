"""The rows of a table as of one set, its chain folded in, a block at a time.

A block is read from the full set that the chain begins with; then what each
differential set holds of its rows is laid over it. The row numbers of a differential set
are searched in their file, so that a reader needs memory for little more than a block.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from shardline.embedding.checkpoint.index import StoredRows, stored_rows
from shardline.embedding.checkpoint.sets.folder import CheckpointSet
from shardline.embedding.serving.tables import Precision, decoded, part_specs
from shardline.embedding.tables.partition import aligned_blocks

PARAMETERS = "parameters"
ROWS = "rows"
SCALE = ".scale"
BLOCK_BYTES = 16 * 2**20


class TableReader:
    """Reads one tensor of a table: its parameters, or a slot.

    Checksums are not looked at: `verify_set` does that.

    Attributes:
        rows: rows of the table.
        dim: length of a row.
    """

    def __init__(self, chain: Sequence[CheckpointSet], table: str, tensor: str):
        """Finds where the rows lie.

        Args:
            chain: the sets that make up the newest of them, a full one first.
            table: name of the table.
            tensor: "parameters", or a slot.

        Raises:
            KeyError: if the sets hold no such table.
            ValueError: if a set holds no such tensor, or its index is no index.
        """
        base, *differentials = chain
        described = base.manifest.tables[table]
        self.rows, self.dim = described.rows, described.dim
        precision = base.manifest.rows if tensor == PARAMETERS else "float32"
        self._base = _Base(base.prefix, f"{table}/{tensor}", precision)
        self._overlays = [
            _Overlay(
                stored_rows(other.prefix, f"{table}/{ROWS}"),
                _Tensor(stored_rows(other.prefix, f"{table}/{tensor}")),
            )
            for other in differentials
            if other.manifest.tables[table].stored_rows
        ]

    def blocks(self, rows: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Yields (first row, rows float32 [n, dim]), ascending.

        Args:
            rows: how many rows to read; None reads all.
        """
        block_rows = max(BLOCK_BYTES // (4 * self.dim), 1)
        for first, last in aligned_blocks(0, rows or self.rows, block_rows):
            yield first, self.read(first, last)

    def read(self, first: int, last: int) -> np.ndarray:
        """Returns the rows [first, last): float32 [last - first, dim].

        Raises:
            ValueError: if a file ends before.
        """
        block = self._base.read(first, last, self.dim)
        for overlay in self._overlays:
            overlay.lay_over(block, first, last)
        return block


class _Tensor:
    """A stored tensor, of which any rows are read."""

    def __init__(self, pieces: Sequence[StoredRows]):
        self._pieces = pieces

    def read(self, first: int, last: int) -> np.ndarray:
        """Returns the values of the rows [first, last), one after the other."""
        content = bytearray()
        for piece in self._pieces:
            start, stop = max(first, piece.first), min(last, piece.last)
            if start < stop:
                content += piece.read(start, stop)
        return np.frombuffer(content, self._pieces[0].dtype.as_numpy_dtype)


class _Base:
    """A tensor of a full set, at any precision."""

    def __init__(self, prefix: str, key: str, precision: Precision):
        self._precision: Precision = precision
        keys = {"rows": key, "scales": key + SCALE}
        self._parts = {
            part: _Tensor(stored_rows(prefix, keys[part]))
            for part in part_specs(precision, 1)
        }

    def read(self, first: int, last: int, dim: int) -> np.ndarray:
        parts = {name: part.read(first, last) for name, part in self._parts.items()}
        parts["rows"] = parts["rows"].reshape(-1, dim)
        return decoded(self._precision, parts)


@dataclasses.dataclass(frozen=True)
class _Overlay:
    """What a differential set holds of a tensor: row numbers, and their rows."""

    numbers: Sequence[StoredRows]
    values: _Tensor

    def lay_over(self, block: np.ndarray, first: int, last: int) -> None:
        """Writes the rows of this set into a block that begins with row `first`."""
        for piece in self.numbers:
            # Ascending within a piece, which lies within one host's part.
            numbers = np.memmap(
                piece.path, np.int64, "r", piece.offset, (piece.last - piece.first,)
            )
            start, stop = np.searchsorted(numbers, [first, last])
            if start < stop:
                values = self.values.read(piece.first + start, piece.first + stop)
                rows = values.reshape(-1, block.shape[1])
                block[numbers[start:stop] - first] = rows
