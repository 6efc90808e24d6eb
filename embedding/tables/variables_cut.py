"""The cut of tables whose rows nothing tracks: whole variables that lie still.

TensorFlow's own op writes a host's variables on that host. Of the checkpoint it makes,
the data file is what a set has for a host; the index says what lies where in it.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto

from shardline.embedding.checkpoint.index import index_entries
from shardline.embedding.checkpoint.sets.cut import PARAMETERS, Piece, write_no_rows
from shardline.embedding.tables import partition
from shardline.embedding.tables.host_table import HostTable
from shardline.embedding.tables.sharded_variable import rows_view

_PIECE_BYTES = 8 * 2**20
# A view of rows must start at a multiple of 64 bytes, else TensorFlow copies.
_ALIGNED_ROWS = 16


class _Rows(NamedTuple):
    """Rows of a variable on one host, to be written in one piece."""

    host: str
    table: str
    tensor: str
    first: int
    values: tf.Tensor


class VariablesCut:
    """Implements `embedding.checkpoint.sets.cut.Cut`.

    Attributes:
        rows: by table, how many rows are to be stored: all.
        in_pause: whether the variables change when training goes on.
    """

    def __init__(
        self, tables: Sequence[HostTable], *, differential: bool, in_pause: bool
    ):
        """Takes the tables, which are up to date.

        Args:
            tables: every table.
            differential: False; nothing knows which rows were touched.
            in_pause: whether the variables change when training goes on.

        Raises:
            ValueError: if `differential` is True.
        """
        if differential:
            raise ValueError(
                "A differential cut was asked of an engine that does not track which "
                "rows are touched: it has no native kernels, is on a TPU, or is not "
                "built. Ask for a full one; `touched_rows` returns None there."
            )
        self._tables = list(tables)
        self.in_pause = in_pause
        self.rows = {
            table.spec.name: int(table.spec.config.vocabulary_size) for table in tables
        }

    def write(self, host: int, path: str) -> list[Piece]:
        """Writes one host's rows, as `Cut.write`."""
        rows = list(self._rows_on(host))
        if not rows:
            return write_no_rows(path)
        # By names that sort as the pieces shall lie in the file.
        names = [f"{number:08d}" for number in range(len(rows))]
        prefix = f"{path}.written"
        with tf.init_scope(), tf.device(rows[0].host):
            tf.raw_ops.SaveV2(
                prefix=prefix,
                tensor_names=names,
                shape_and_slices=[""] * len(rows),
                tensors=[part.values for part in rows],
            )
        pieces = [
            _piece(part, BundleEntryProto.FromString(entry))
            for part, entry in zip(rows, _entries(prefix, names), strict=True)
        ]
        Path(f"{prefix}.index").unlink()
        os.rename(f"{prefix}.data-00000-of-00001", path)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        return pieces

    def end(self, succeeded: bool) -> None:
        """Does nothing: the variables are the cut."""

    def _rows_on(self, host: int) -> Iterator[_Rows]:
        for table in self._tables:
            if host >= len(table.starts):
                continue
            shard = table.shards()[host]
            names = [PARAMETERS, *table.slots]
            for name, variable in zip(
                names, (shard.parameters, *shard.slots), strict=True
            ):
                for first, values in _parts(variable):
                    row = table.starts[host] + first
                    yield _Rows(shard.host, table.spec.name, name, row, values)


def _parts(variable: Any) -> Iterator[tuple[int, tf.Tensor]]:
    """Yields parts of a variable and their first rows, as views of it."""
    rows, dim = variable.shape
    block = max(_PIECE_BYTES // (4 * dim) // _ALIGNED_ROWS, 1) * _ALIGNED_ROWS
    for first, last in partition.aligned_blocks(0, rows, block):
        with tf.init_scope():
            yield first, rows_view(variable, first, last)


def _entries(prefix: str, names: Sequence[str]) -> list[bytes]:
    entries = index_entries(prefix)
    return [entries[name.encode()] for name in names]


def _piece(part: _Rows, entry: Any) -> Piece:
    count = int(part.values.shape[0])
    return Piece(
        part.table,
        part.tensor,
        part.first,
        count,
        entry.offset,
        entry.size,
        entry.crc32c,
    )
