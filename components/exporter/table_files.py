"""The tables of a SavedModel, copied from a checkpoint a piece at a time.

TensorFlow would save a table from memory. Here the SavedModel is saved with tables of
no rows; then each table gets a data file of its own, in which every part of it (see
`embedding.serving.tables`) lies in one piece, and the index is written anew. A piece is
at most 32 MB of a checkpoint that a trainer wrote, so this takes no memory to speak of,
and a loader reads every part straight into its variable. The same rows make the same
bytes.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import google_crc32c
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.tensor_bundle_pb2 import (
    BundleEntryProto,
    BundleHeaderProto,
)

from shardline.components.contracts.model_folder import (
    ROWS_FILE,
    VARIABLES_PREFIX,
    write_extra,
)
from shardline.components.readers.files.checksums import masked, masked_crc32c
from shardline.embedding.checkpoint.index import (
    HEADER_KEY,
    index_entries,
    stored_rows,
    write_index,
)
from shardline.embedding.serving.tables import Precision, encoded, part_specs

_VALUE = ".ATTRIBUTES/VARIABLE_VALUE"


@dataclasses.dataclass(frozen=True)
class TableRows:
    """A table, how many rows it has, and how they are to be held."""

    name: str
    rows: int
    dim: int
    precision: Precision

    @property
    def key(self) -> str:
        """What a trainer's checkpoint calls it."""
        return f"embedding/{self.name}/{_VALUE}"

    def key_of(self, part: str) -> str:
        """Returns what a SavedModel's variables call a part of it."""
        return f"tables/{self.name}/parts/{part}/{_VALUE}"

    def parts(self) -> dict[str, _Part]:
        """Returns where the parts lie in the table's data file, by name."""
        parts, offset = {}, 0
        for name, (shape, dtype) in part_specs(self.precision, self.dim).items():
            parts[name] = _Part(shape, dtype, offset)
            offset += self.rows * parts[name].row_bytes
        return parts

    @property
    def bytes(self) -> int:
        """The bytes of all parts together."""
        return self.rows * sum(part.row_bytes for part in self.parts().values())


@dataclasses.dataclass(frozen=True)
class _Part:
    """Part of a table: shape and type of one row, and where the first one lies."""

    shape: list[int]
    dtype: tf.DType
    offset: int

    @property
    def row_bytes(self) -> int:
        return int(math.prod(self.shape) * self.dtype.size)


def write_tables(folder: str, checkpoint: str, tables: Sequence[TableRows]) -> None:
    """Writes the rows of a saved model's tables, and where they lie.

    Args:
        folder: the folder of the SavedModel, whose tables have no rows yet.
        checkpoint: prefix of the trainer's checkpoint.
        tables: all of them.

    Raises:
        ValueError: if the checkpoint holds a table of another shape, or rows that
            their precision cannot hold.
        tf.errors.DataLossError: if rows do not fit their checksum.
    """
    prefix = str(Path(folder, VARIABLES_PREFIX))
    entries, files = dict(index_entries(prefix)), 1 + len(tables)
    header = BundleHeaderProto.FromString(entries[HEADER_KEY])
    header.num_shards = files
    entries[HEADER_KEY] = header.SerializeToString()
    Path(_data_file(prefix, 0, 1)).rename(_data_file(prefix, 0, files))
    for number, table in enumerate(tables, start=1):
        checksums = _write(_data_file(prefix, number, files), checkpoint, table)
        for name, part in table.parts().items():
            entry = BundleEntryProto(
                dtype=part.dtype.as_datatype_enum,
                shape=tf.TensorShape([table.rows, *part.shape]).as_proto(),
                shard_id=number,
                offset=part.offset,
                size=table.rows * part.row_bytes,
                crc32c=masked(checksums[name]),
            )
            entries[table.key_of(name).encode()] = entry.SerializeToString()
    write_index(prefix, entries, masked_crc32c)
    _write_regions(Path(folder), prefix, tables)


def _data_file(prefix: str, number: int, files: int) -> str:
    return f"{prefix}.data-{number:05d}-of-{files:05d}"


def _write(path: str, checkpoint: str, table: TableRows) -> dict[str, int]:
    """Writes a table's data file; returns the checksum of each part."""
    parts = table.parts()
    checksums = dict.fromkeys(parts, 0)
    with open(path, "wb") as file:
        for first, rows in _pieces(checkpoint, table):
            for name, values in _encoded(table, first, rows).items():
                content = values.tobytes()
                file.seek(parts[name].offset + first * parts[name].row_bytes)
                file.write(content)
                checksums[name] = google_crc32c.extend(checksums[name], content)
    return checksums


def _pieces(checkpoint: str, table: TableRows) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (first row, rows float32 [n, dim]), as the checkpoint stores them."""
    shapes = tf.train.load_checkpoint(checkpoint).get_variable_to_shape_map()
    held, wanted = shapes.get(table.key), [table.rows, table.dim]
    if held != wanted:
        raise ValueError(
            f"Table '{table.name}' has the shape {held} in checkpoint {checkpoint}, "
            f"its manifest says {wanted}. It is not what a trainer wrote; train anew."
        )
    for piece in stored_rows(checkpoint, table.key):
        size = piece.last - piece.first
        # TensorFlow checks the piece by its checksum.
        (rows,) = tf.raw_ops.RestoreV2(
            prefix=checkpoint,
            tensor_names=[table.key],
            shape_and_slices=[
                f"{table.rows} {table.dim} {piece.first},{size}:0,{table.dim}"
            ],
            dtypes=[tf.float32],
        )
        yield piece.first, rows.numpy()


def _encoded(table: TableRows, first: int, rows: np.ndarray) -> dict[str, np.ndarray]:
    if table.precision != "float32":
        largest = np.finfo("float16" if table.precision == "float16" else "float32").max
        # No number is not below.
        bad = np.flatnonzero(~(np.abs(rows) <= largest).all(axis=1))
        if bad.size:
            raise ValueError(
                f"Table '{table.name}': row {first + bad[0]} holds a value that is not "
                f"finite or larger than {largest:g}, which {table.precision} cannot "
                "hold. Serve the table as float32, or mend the training."
            )
    return encoded(table.precision, rows)


def _write_regions(folder: Path, prefix: str, tables: Sequence[TableRows]) -> None:
    """Writes where rows lie, for who compares two versions of a model."""
    pieces = [
        piece
        for table in tables
        for name in table.parts()
        for piece in stored_rows(prefix, table.key_of(name))
    ]
    regions = [
        {
            "file": str(Path(piece.path).relative_to(folder)),
            "offset": piece.offset,
            "rows": piece.last - piece.first,
            "row_bytes": piece.size // (piece.last - piece.first),
        }
        for piece in pieces
    ]
    write_extra(folder, ROWS_FILE, json.dumps({"regions": regions}, indent=1))
