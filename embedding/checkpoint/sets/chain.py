"""The rows of a table as a chain of sets has them, block by block.

The blocks are the pieces of the full set. Differential sets hold rows by ascending
number, so that each is read once, beside the full one.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from shardline.embedding.checkpoint.index import StoredRows
from shardline.embedding.checkpoint.sets.cut import PARAMETERS, ROWS
from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.manifest import ManifestError
from shardline.embedding.checkpoint.sets.reader import (
    SetDamagedError,
    SetReader,
    tensors_of,
)


@dataclasses.dataclass(frozen=True)
class Block:
    """Some rows of a table, one after the other.

    Attributes:
        first: the first row.
        file: the number of the data file of the full set that they are from.
        tensors: float32 [rows, dim] of "parameters" and each slot.
    """

    first: int
    file: int
    tensors: dict[str, np.ndarray]


def chain_readers(folder: SetFolder, last: CheckpointSet) -> list[SetReader]:
    """Returns readers of the sets that a set consists of, the full one first.

    Args:
        folder: where they are.
        last: the set.

    Raises:
        SetDamagedError: if one is gone, or is not what was written.
    """
    try:
        return [SetReader(one) for one in folder.chain(last)]
    except (ManifestError, FileNotFoundError) as error:
        raise SetDamagedError(str(error)) from error


def table_blocks(readers: Sequence[SetReader], table: str) -> Iterator[Block]:
    """Yields all rows of a table, by ascending number, in bounded memory.

    Args:
        readers: from `chain_readers`.
        table: the table's name.

    Raises:
        SetDamagedError: if what is read is not what was written.
    """
    full, *differential = readers
    touched = [_TouchedRows(reader, table) for reader in differential]
    tensors = tensors_of(full.set.manifest.tables[table])
    for piece in full.pieces(table, PARAMETERS):
        rows = {
            name: full.read(table, name, piece, piece.first, piece.last).numpy()
            for name in tensors
        }
        block = Block(piece.first, piece.file, rows)
        for later in touched:
            later.overlay(block)
        yield block


class _TouchedRows:
    """The rows of a differential set, which are read along with the blocks."""

    def __init__(self, reader: SetReader, table: str):
        self._reader = reader
        self._table = table
        self._pieces = iter(reader.pieces(table, ROWS))
        self._piece: StoredRows | None = None
        self._rows = np.empty(0, np.int64)

    def overlay(self, block: Block) -> None:
        """Puts the set's rows in the place of a block's; blocks come in order."""
        end = block.first + len(block.tensors[PARAMETERS])
        while True:
            if not len(self._rows) and not self._next_piece():
                return
            count = int(np.searchsorted(self._rows, end))
            if count:
                self._take(block, count)
            if len(self._rows):
                return

    def _next_piece(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            return False
        rows = self._reader.read(self._table, ROWS, piece, piece.first, piece.last)
        self._piece, self._rows = piece, rows.numpy()
        return True

    def _take(self, block: Block, count: int) -> None:
        """Puts the first rows of what is left of the piece into the block."""
        assert self._piece is not None
        last = self._piece.last - len(self._rows) + count
        here = self._rows[:count] - block.first
        for name, values in block.tensors.items():
            if not values.flags.writeable:  # It is TensorFlow's.
                values = block.tensors[name] = values.copy()
            read = self._reader.read
            values[here] = read(self._table, name, self._piece, last - count, last)
        self._rows = self._rows[count:]
