"""Tables in a checkpoint set, and in the sets that it builds on."""

import functools
from collections.abc import Iterator

import tensorflow as tf

from shardline.embedding.checkpoint.sets.chain import chain_readers
from shardline.embedding.checkpoint.sets.cut import ROWS
from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.restore import warn_of_rounding
from shardline.embedding.checkpoint.warm_start.source import SourceBlock, SourceTable


class SetSource:
    """Implements `embedding.checkpoint.warm_start.source.Source`."""

    def __init__(self, folder: SetFolder, checkpoint_set: CheckpointSet):
        """Opens a set, of whatever lineage.

        Args:
            folder: where it is.
            checkpoint_set: the set.

        Raises:
            SetDamagedError: if a file of its chain is missing, or is not what was
                written.
        """
        self.name = str(checkpoint_set.path)
        self._readers = chain_readers(folder, checkpoint_set)
        warn_of_rounding(self._readers[0].set)
        self.tables = {
            name: SourceTable(table.rows, table.dim, tuple(table.slots))
            for name, table in checkpoint_set.manifest.tables.items()
        }

    def blocks(self, table: str, tensor: str) -> Iterator[SourceBlock]:
        """Yields all rows, then those of each differential set, as `Source.blocks`."""
        full, *differential = self._readers
        for piece in full.pieces(table, tensor):
            whole = piece.first, piece.last
            read = functools.partial(full.read, table, tensor, piece, *whole)
            is_alike = piece.dtype == tf.float32
            yield SourceBlock(range(*whole), read, piece if is_alike else None)
        for reader in differential:
            for piece in reader.pieces(table, ROWS):
                whole = piece.first, piece.last
                rows = reader.read(table, ROWS, piece, *whole).numpy()
                read = functools.partial(reader.read, table, tensor, piece, *whole)
                yield SourceBlock(rows, read)
