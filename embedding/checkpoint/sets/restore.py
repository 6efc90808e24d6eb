"""Restores an engine and variables from checkpoint sets, piece by piece.

A host needs its own shard and a few pieces at a time, on any number of hosts: the rows
of a full set are read into the shards that are there, then those of each differential
set that follows.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.error_text import reason_of
from shardline.embedding.checkpoint.index import StoredRows
from shardline.embedding.checkpoint.sets.chain import chain_readers
from shardline.embedding.checkpoint.sets.cut import ROWS
from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.reader import (
    SetDamagedError,
    SetReader,
    tensors_of,
)
from shardline.embedding.checkpoint.sets.shard_reading import can_read, read_shard
from shardline.embedding.tables.sharded_variable import on_every_task, write_rows
from shardline.embedding.tables.tracked_tables import TrackedTables

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Restored:
    """What was restored.

    Attributes:
        step: training steps behind it.
        state: what the training said of itself when it saved.
        checkpoint_set: the set.
    """

    step: int
    state: Mapping[str, Any]
    checkpoint_set: CheckpointSet


def restore_newest(
    folder: SetFolder,
    engine: TrackedTables,
    variables: Mapping[str, tf.Variable],
    *,
    lineage: Mapping[str, str],
    on_damaged: Callable[[str, str], None],
) -> Restored | None:
    """Restores the newest set that is whole; marks those that are not.

    Args:
        folder: the sets of one training.
        engine: built.
        variables: all other variables of the training, by the names they were saved as.
        lineage: digests of what the training depends on.
        on_damaged: called with the name of a set and what is wrong with it.

    Returns:
        None if there is no set that can be restored.

    Raises:
        SetDamagedError: if there are sets, and none is whole.
        ValueError: if the newest whole set is of another lineage, or of other tables
            or variables.
    """
    faults = []
    for found in reversed(folder.found()):
        if found.condition == "damaged":
            on_damaged(found.path.name, found.fault)
        if found.condition != "complete" or found.complete is None:
            continue
        try:
            return restore_set(folder, found.complete, engine, variables, lineage)
        except SetDamagedError as error:
            # On a disk that cannot be written, it is found out again the next time.
            with contextlib.suppress(OSError):
                folder.mark_damaged(found.path.name, str(error))
            on_damaged(found.path.name, str(error))
            faults.append(str(error))
    if faults:
        raise SetDamagedError(
            f"No checkpoint set in {folder.path} is whole: {'; '.join(faults)}. All "
            "are marked as damaged, and the engine holds parts of them. Start again: "
            "training begins at its first step. Or bring the files back, remove "
            "`damaged.json` beside them, and start again."
        )
    return None


def restore_set(
    folder: SetFolder,
    checkpoint_set: CheckpointSet,
    engine: TrackedTables,
    variables: Mapping[str, tf.Variable],
    lineage: Mapping[str, str],
) -> Restored:
    """Restores one set, with those that it builds on.

    Args:
        folder: where they are.
        checkpoint_set: the set.
        engine: built.
        variables: all other variables of the training, by the names they were saved as.
        lineage: digests of what the training depends on.

    Raises:
        SetDamagedError: if a file of the set, or of one that it builds on, is not what
            was written. Engine and variables may then hold a part of it.
        ValueError: if it is of another lineage, or of other tables or variables.
    """
    _check_lineage(checkpoint_set, lineage)
    readers = chain_readers(folder, checkpoint_set)
    warn_of_rounding(readers[0].set)
    shapes = engine._variables
    _check_tables(checkpoint_set, shapes)
    values = readers[-1].values(list(variables))
    natively = can_read(_devices(shapes))
    engine.touch_all_rows()
    try:
        for reader in readers:
            for table, tensors in shapes.items():
                _restore_table(reader, table, tensors, natively)
    except tf.errors.DataLossError as error:
        # On a cluster what one host reports may fail what another one does.
        raise SetDamagedError(f"{checkpoint_set.path}: {reason_of(error)}") from error
    for variable, value in zip(variables.values(), values, strict=True):
        variable.assign(value)
    engine._load_variables()
    manifest = checkpoint_set.manifest
    if manifest.rows == "float32":
        engine.forget_touched_rows()
    return Restored(manifest.step, manifest.state, checkpoint_set)


def _check_lineage(checkpoint_set: CheckpointSet, lineage: Mapping[str, str]) -> None:
    held = checkpoint_set.manifest.lineage
    names = sorted(
        name for name in {**held, **lineage} if held.get(name) != lineage.get(name)
    )
    if names:
        raise ValueError(
            f"Checkpoint set {checkpoint_set.path} is of another training: its "
            f"{', '.join(names)} differ(s). Train into another folder, or restore "
            "with what it was written with."
        )


def warn_of_rounding(base: CheckpointSet) -> None:
    """Warns if the rows of a full set are not those that training had."""
    if base.manifest.rows != "float32":
        _log.warning(
            "%s is an archive, whose rows were rounded to %s: training goes on from "
            "there, and not with the bits that it had",
            base.path,
            base.manifest.rows,
        )


def _check_tables(
    checkpoint_set: CheckpointSet, engine: Mapping[str, Mapping[str, Any]]
) -> None:
    held = {
        f"{name}/{tensor}": [table.rows, table.dim]
        for name, table in checkpoint_set.manifest.tables.items()
        for tensor in tensors_of(table)
    }
    wanted = {
        f"{name}/{tensor}": variable.shape.as_list()
        for name, tensors in engine.items()
        for tensor, variable in tensors.items()
    }
    names = sorted(name for name in held | wanted if held.get(name) != wanted.get(name))
    if names:
        faults = [
            f"'{name}' is {held.get(name, 'missing')} in the set and "
            f"{wanted.get(name, 'missing')} in the engine"
            for name in names
        ]
        raise ValueError(
            f"Checkpoint set {checkpoint_set.path} does not fit the engine: "
            f"{'; '.join(faults)}. Restore with the feature configuration and the "
            "optimizers it was written with."
        )


def _devices(tables: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {
        part.device
        for tensors in tables.values()
        for variable in tensors.values()
        for part in variable.variables
    }


def _restore_table(
    reader: SetReader, table: str, tensors: Mapping[str, Any], natively: bool
) -> None:
    manifest = reader.set.manifest
    is_plain = manifest.kind == "full" and manifest.rows == "float32"
    parameters = tensors["parameters"].variables
    starts = np.cumsum([0, *(part.shape[0] for part in parameters)])

    def restore_part(part: int) -> None:
        shard = _Shard(
            reader,
            table,
            {name: variable.variables[part] for name, variable in tensors.items()},
            int(starts[part]),
            int(starts[part + 1]),
        )
        if natively and is_plain:
            read_shard(reader, table, shard.variables, shard.first, shard.last)
        else:
            shard.restore()

    on_every_task([part.device for part in parameters], restore_part)


@dataclasses.dataclass(frozen=True)
class _Shard:
    """One host's rows of a table, restored from one set.

    Attributes:
        reader: of the set.
        table: the table's name.
        variables: its parameters and slots on the host.
        first: the first of its rows.
        last: end row, exclusive.
    """

    reader: SetReader
    table: str
    variables: Mapping[str, Any]
    first: int
    last: int

    # One piece after the other: ops that two threads place eagerly on one logical
    # device get each other's inputs (TensorFlow 2.21, every device but the first).
    def restore(self) -> None:
        if self.reader.set.manifest.kind == "full":
            for tensor in self.variables:
                for piece in self.reader.pieces(self.table, tensor):
                    if piece.first < self.last and piece.last > self.first:
                        self._restore_all_rows(tensor, piece)
        else:
            for piece in self.reader.pieces(self.table, ROWS):
                self._restore_touched_rows(piece)

    def _restore_all_rows(self, tensor: str, piece: StoredRows) -> None:
        first, last = max(piece.first, self.first), min(piece.last, self.last)
        variable = self.variables[tensor]
        with tf.device(variable.device):
            rows = self.reader.read(self.table, tensor, piece, first, last)
        write_rows(variable, first - self.first, rows)

    def _restore_touched_rows(self, piece: StoredRows) -> None:
        read = self.reader.read
        rows = read(self.table, ROWS, piece, piece.first, piece.last).numpy()
        begin, end = np.searchsorted(rows, [self.first, self.last])
        if begin == end:
            return
        first, last = piece.first + int(begin), piece.first + int(end)
        for tensor, variable in self.variables.items():
            with tf.device(variable.device):
                tf.raw_ops.ResourceScatterUpdate(
                    resource=variable.handle,
                    indices=rows[begin:end] - self.first,
                    updates=read(self.table, tensor, piece, first, last),
                )
