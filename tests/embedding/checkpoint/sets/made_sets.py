"""Checkpoint sets made of numpy arrays, by the code that a saver writes them with."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.crc32c import masked_crc32c
from shardline.embedding.checkpoint.sets.cut import Piece
from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.manifest import StoredTable
from shardline.embedding.checkpoint.sets.writer import Clock, SetWriter
from shardline.embedding.tables.partition import aligned_blocks, row_ranges

# Few, so that small tables lie in several pieces.
PIECE_ROWS = 4

Tables = dict[str, dict[str, np.ndarray]]


@dataclasses.dataclass
class Training:
    """A training as a checkpoint sees it, whose rows are changed at random."""

    folder: SetFolder
    tables: Tables
    hosts: int = 2
    step: int = 0
    newest: CheckpointSet | None = None
    generator: np.random.Generator = dataclasses.field(
        default_factory=lambda: np.random.default_rng(5)
    )

    def save(self, step: int, **options: Any) -> CheckpointSet:
        """Writes a full set of what is held now."""
        self.step = step
        self.newest = write_set(
            self.folder, step, self.tables, hosts=self.hosts, **options
        )
        return self.newest

    def touch(self, **rows: list[int]) -> CheckpointSet:
        """Changes rows of tables, and writes a differential set, ten steps later."""
        self.step += 10
        for table, numbers in rows.items():
            for tensor in self.tables[table].values():
                tensor[numbers] += self.generator.normal(
                    1, 0.1, tensor[numbers].shape
                ).astype(np.float32)
        touched = {
            name: np.sort(np.array(rows.get(name, []), np.int64))
            for name in self.tables
        }
        self.newest = write_set(
            self.folder,
            self.step,
            self.tables,
            hosts=self.hosts,
            touched=touched,
            parent=self.newest,
        )
        return self.newest


def training(folder: Path, hosts: int = 2, **rows: int) -> Training:
    """Returns a training of tables of three values a row, with one slot.

    Args:
        folder: where its sets go.
        hosts: how many write.
        **rows: the rows of each table.
    """
    generator = np.random.default_rng(3)
    tables = {
        name: {
            tensor: generator.normal(size=(count, 3)).astype(np.float32)
            for tensor in ("parameters", "accumulators")
        }
        for name, count in rows.items()
    }
    return Training(SetFolder(folder), tables, hosts)


def write_set(
    folder: SetFolder,
    step: int,
    tables: Tables,
    *,
    hosts: int = 2,
    touched: Mapping[str, np.ndarray] | None = None,
    parent: CheckpointSet | None = None,
    values: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
    lineage: Mapping[str, str] | None = None,
    pinned: bool = False,
) -> CheckpointSet:
    """Writes a set of tables.

    Args:
        folder: where to; it is made.
        step: of the set.
        tables: their tensors, whole, by name.
        hosts: how many write.
        touched: the rows to store, by table; None stores all.
        parent: what the set builds on, if it stores touched rows.
        values: everything else, by name.
        state: what the manifest says of the training.
        lineage: what it says of what the training depends on.
        pinned: whether it is to be kept.
    """
    folder.make()
    kind = "full" if touched is None else "differential"
    writer = SetWriter(folder, step, kind, parent, hosts)
    writer.begin(pinned=pinned)
    pieces = [
        _write_host(writer.data_file(host), host, hosts, tables, touched)
        for host in range(hosts)
    ]
    stored = {
        name: StoredTable(
            *tensors["parameters"].shape,
            tuple(slot for slot in tensors if slot != "parameters"),
            len(tensors["parameters"] if touched is None else touched[name]),
        )
        for name, tensors in tables.items()
    }
    writer.write_index(stored, pieces)
    made = {"step": step, "dense/kernel": np.ones([2, 2], np.float32)}
    made = {**made, **(values or {})}
    writer.write_values({name: tf.convert_to_tensor(v) for name, v in made.items()})
    state = state or {"examples_read": 64 * step}
    return writer.commit(stored, lineage or {"configuration": "c1"}, state, Clock())


def _write_host(
    path: Path,
    host: int,
    hosts: int,
    tables: Tables,
    touched: Mapping[str, np.ndarray] | None,
) -> list[Piece]:
    """Writes the rows of a host; returns where they lie."""
    pieces, content = [], bytearray()

    def write(table: str, tensor: str, first: int, values: np.ndarray) -> None:
        block = values.tobytes()
        pieces.append(
            Piece(
                table,
                tensor,
                first,
                len(values),
                len(content),
                len(block),
                masked_crc32c(block),
            )
        )
        content.extend(block)

    for name, tensors in tables.items():
        ranges = row_ranges(len(tensors["parameters"]), hosts)
        if host >= len(ranges):
            continue
        start, stop = ranges[host]
        numbers = np.arange(start, stop)
        if touched is not None:
            numbers = touched[name][(touched[name] >= start) & (touched[name] < stop)]
        of_host = {tensor: rows[numbers] for tensor, rows in tensors.items()}
        if touched is not None:
            of_host["rows"] = numbers.astype(np.int64)
        for tensor, rows in of_host.items():
            for first, last in aligned_blocks(0, len(rows), PIECE_ROWS):
                offset = 0 if touched is not None else start
                write(name, tensor, offset + first, rows[first:last])
    path.write_bytes(content)
    return pieces
