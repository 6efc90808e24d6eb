"""Moves rows of a checkpoint into the shards of a new table, a block at a time.

A task reads a block once for all its hosts, and leaves out those of which it wants no
row. Beside the shards it holds the block, a copy of the rows that it wants, and for
each row of the checkpoint where it goes.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.sets.cut import PARAMETERS
from shardline.embedding.checkpoint.warm_start.near_reading import (
    NearReader,
    can_read_near,
)
from shardline.embedding.checkpoint.warm_start.row_map import Copies, RowMap
from shardline.embedding.checkpoint.warm_start.source import Source, SourceBlock
from shardline.embedding.hosts import task_of
from shardline.embedding.tables.sharded_variable import on_every_task, write_rows


@dataclasses.dataclass(frozen=True)
class _Move:
    """Rows of a block that go to one table.

    Attributes:
        positions: int64 [n], where in the block they are.
        rows: int64 [n], the rows of the new table that they become.
    """

    positions: np.ndarray
    rows: np.ndarray

    def within(self, first: int, last: int) -> "_Move":
        """Returns those that go to a shard, its rows numbered from its first."""
        is_there = (self.rows >= first) & (self.rows < last)
        if is_there.all():
            return _Move(self.positions, self.rows - first)
        return _Move(self.positions[is_there], self.rows[is_there] - first)


class TableTransfer:
    """Moves the rows of one table."""

    def __init__(self, source: Source, table: str, row_map: RowMap):
        """Takes what is to be moved.

        Args:
            source: the checkpoint.
            table: the table's name.
            row_map: where rows go; checked.

        Raises:
            WarmStartError: if two rows move from one.
        """
        self._source = source
        self._table = table
        self._targets = row_map.targets(table, source.tables[table].rows)
        order = np.argsort(row_map.copies.sources, kind="stable")
        self._copies = Copies(row_map.copies.rows[order], row_map.copies.sources[order])

    def run(self, tensors: Mapping[str, Any]) -> None:
        """Moves parameters and slots; each task those of its own hosts.

        Args:
            tensors: `RowShardedVariable`s by "parameters" and the names of slots.
        """
        devices = [part.device for part in tensors[PARAMETERS].variables]
        tasks: dict[str, list[int]] = {}
        for part, device in enumerate(devices):
            tasks.setdefault(task_of(device), []).append(part)
        parts = list(tasks.values())

        def work(task: int) -> None:
            own = [devices[part] for part in parts[task]]
            reader = NearReader() if can_read_near(own) else None
            for tensor, variable in tensors.items():
                self._move(tensor, variable, parts[task], reader)

        on_every_task([devices[own[0]] for own in parts], work)

    def _move(
        self,
        tensor: str,
        variable: Any,
        parts: Sequence[int],
        reader: NearReader | None,
    ) -> None:
        shards = [variable.variables[part] for part in parts]
        starts = np.cumsum([0, *(part.shape[0] for part in variable.variables)])
        for block in self._source.blocks(self._table, tensor):
            moves = [_moving(block, self._targets)]
            if tensor == PARAMETERS and len(self._copies.rows):
                moves.append(_copied(block, self._copies))
            wanted = [
                (shard, move.within(starts[part], starts[part + 1]))
                for part, shard in zip(parts, shards, strict=True)
                for move in moves
            ]
            wanted = [(shard, move) for shard, move in wanted if len(move.rows)]
            if not wanted or (reader and _moved_near(reader, block, wanted)):
                continue
            with tf.device(shards[0].device):
                values = block.read()
            for shard, move in wanted:
                _write(shard, values, move)


def _moved_near(
    reader: NearReader, block: SourceBlock, wanted: Sequence[tuple[Any, _Move]]
) -> bool:
    """Moves rows of a block past TensorFlow; returns whether that could be done."""
    if block.piece is None:
        return False
    rows = reader.rows(block.piece)
    if rows is None or rows.shape[1] != wanted[0][0].shape[1]:
        return False
    for shard, move in wanted:
        reader.write(shard, rows, move.positions, move.rows)
    return True


def _moving(block: SourceBlock, targets: np.ndarray) -> _Move:
    rows = block.rows
    own = rows if isinstance(rows, np.ndarray) else slice(rows.start, rows.stop)
    targets = targets[own]
    positions = np.flatnonzero(targets >= 0)
    return _Move(positions, targets[positions].astype(np.int64))


def _copied(block: SourceBlock, copies: Copies) -> _Move:
    """Returns what of a block is copied; copies are in the order of their sources."""
    rows = block.rows
    if isinstance(rows, range):
        first, last = np.searchsorted(copies.sources, [rows.start, rows.stop])
        positions = copies.sources[first:last] - rows.start
        return _Move(positions, copies.rows[first:last])
    positions = np.minimum(np.searchsorted(rows, copies.sources), len(rows) - 1)
    is_there = rows[positions] == copies.sources
    return _Move(positions[is_there], copies.rows[is_there])


def _write(shard: Any, values: tf.Tensor, move: _Move) -> None:
    """Writes rows of a block into a shard; of a wider one, the first columns."""
    count, dim = len(move.rows), int(values.shape[1])
    is_widened = dim < shard.shape[1]
    with tf.device(shard.device):
        if count == 0:
            return
        if _is_run(move.positions):
            first = int(move.positions[0])
            if count < values.shape[0]:
                values = values[first : first + count]
        else:
            values = tf.gather(values, move.positions)
        if not is_widened and _is_run(move.rows):
            write_rows(shard, int(move.rows[0]), values)
            return
        if is_widened:
            there = tf.gather(shard, move.rows)
            values = tf.concat([values, there[:, dim:]], axis=1)
        tf.raw_ops.ResourceScatterUpdate(
            resource=shard.handle, indices=move.rows, updates=values
        )


def _is_run(numbers: np.ndarray) -> bool:
    """Tells whether numbers that do not repeat follow each other."""
    is_long = int(numbers[-1]) - int(numbers[0]) == len(numbers) - 1
    return is_long and bool((np.diff(numbers) == 1).all())
