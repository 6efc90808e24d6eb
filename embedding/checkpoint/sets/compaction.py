"""Folds a chain of checkpoint sets into a full one of the same step.

Read and written block by block, in the background. The chain stays until the full set
is on the disk.
"""

import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from shardline.embedding.checkpoint.crash_points import crash_point
from shardline.embedding.checkpoint.crc32c import masked_crc32c
from shardline.embedding.checkpoint.sets.chain import chain_readers, table_blocks
from shardline.embedding.checkpoint.sets.cut import Piece
from shardline.embedding.checkpoint.sets.durable import sync_file
from shardline.embedding.checkpoint.sets.folder import (
    VALUES,
    CheckpointSet,
    SetFolder,
)
from shardline.embedding.checkpoint.sets.manifest import Rows, StoredTable
from shardline.embedding.checkpoint.sets.reader import SetReader
from shardline.embedding.checkpoint.sets.rounding import rounded
from shardline.embedding.checkpoint.sets.writer import Clock, SetWriter

# As many differential sets may build on each other.
MAX_DEPTH = 8
# What is written and not yet synced must not fill the memory.
_SYNC_EVERY_BYTES = 64 * 2**20


def compact(folder: SetFolder, last: CheckpointSet) -> CheckpointSet:
    """Writes a full set of what a differential one and its chain hold together.

    Args:
        folder: locked by this process.
        last: the differential set.

    Returns:
        The full set, of the same step.

    Raises:
        SetDamagedError: if a set of the chain is not what was written.
        OSError: if the full one cannot be written.
    """
    clock = Clock()
    readers = chain_readers(folder, last)
    manifest = last.manifest
    hosts = readers[0].set.manifest.hosts
    writer = SetWriter(folder, last.step, "full", None, hosts)
    writer.begin(pinned=last.is_pinned)
    tables = all_rows_of(manifest.tables)
    paths = [writer.data_file(host) for host in range(hosts)]
    writer.write_index(tables, write_tables(readers, tables, paths))
    copy_values(last, writer.path)
    return writer.commit(tables, manifest.lineage, manifest.state, clock)


def all_rows_of(tables: Mapping[str, StoredTable]) -> dict[str, StoredTable]:
    """Returns tables of which a full set stores all rows."""
    return {
        name: dataclasses.replace(table, stored_rows=table.rows)
        for name, table in tables.items()
    }


def write_tables(
    readers: Sequence[SetReader],
    tables: Mapping[str, StoredTable],
    paths: Sequence[Path],
    rows: Rows = "float32",
) -> list[list[Piece]]:
    """Writes all rows of a chain into one data file for each host of its full set.

    Args:
        readers: of the chain.
        tables: what to write.
        paths: the files, by the host's number.
        rows: how rows are to be held.

    Returns:
        What each file holds; all is on the disk.

    Raises:
        SetDamagedError: if a set of the chain is not what was written.
        RoundingError: if rows cannot be held so.
        OSError: if they cannot be written.
    """
    files = [_DataFile(path) for path in paths]
    try:
        for table in tables:
            for block in table_blocks(readers, table):
                held = rounded(block.tensors, rows, table, block.first)
                for tensor, values in held.items():
                    files[block.file].append(table, tensor, block.first, values)
        return [file.finish() for file in files]
    finally:
        for file in files:
            file.close()


def copy_values(source: CheckpointSet, target: Path) -> None:
    """Copies the variables of a set that are no tables, durably."""
    for name in source.manifest.files:
        if name.startswith(VALUES):
            crash_point("before_copy")
            shutil.copyfile(source.path / name, target / name)
            sync_file(target / name)


class _DataFile:
    """A data file that is written piece by piece."""

    def __init__(self, path: Path):
        self._file: BinaryIO = open(path, "xb")
        self._pieces: list[Piece] = []
        self._offset = self._synced = 0

    def append(self, table: str, tensor: str, first: int, rows: np.ndarray) -> None:
        content = np.ascontiguousarray(rows).data.cast("B")
        crash_point("before_write")
        self._file.write(content)
        crash_point("after_write")
        self._pieces.append(
            Piece(
                table,
                tensor,
                first,
                len(rows),
                self._offset,
                len(content),
                masked_crc32c(content),
            )
        )
        self._offset += len(content)
        if self._offset - self._synced >= _SYNC_EVERY_BYTES:
            self._sync()

    def finish(self) -> list[Piece]:
        self._sync()
        return self._pieces

    def close(self) -> None:
        self._file.close()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        crash_point("after_file_sync")
        self._synced = self._offset
