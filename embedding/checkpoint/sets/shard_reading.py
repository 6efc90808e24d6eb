"""Reads rows of a full set straight into a host's shard, with the native kernels.

What `SetReader.read` gives has to be copied into the variables, piece by piece; here
files are read into them, by two threads, in large parts.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.error_text import reason_of
from shardline.embedding.checkpoint.index import StoredRows
from shardline.embedding.checkpoint.sets.reader import (
    SetDamagedError,
    SetReader,
)
from shardline.embedding.checkpoint.sets.shared_files import raise_if_unseen
from shardline.embedding.native.library import runs_on, usable_ops


@dataclasses.dataclass(frozen=True)
class _Read:
    """A piece that is to be read.

    Attributes:
        tensor: "parameters" or the name of a slot.
        variable: the number of the variable that it goes to.
        rows: the piece.
    """

    tensor: str
    variable: int
    rows: StoredRows


def can_read(devices: Iterable[str]) -> bool:
    """Tells whether all of some hosts have the native kernels of this process."""
    return usable_ops() is not None and all(map(runs_on, devices))


def read_shard(
    reader: SetReader,
    table: str,
    variables: Mapping[str, Any],
    first: int,
    last: int,
) -> None:
    """Reads a host's rows of a table.

    Args:
        reader: of a full set.
        table: the table's name.
        variables: its parameters and slots there: float32 [last - first, dim] each.
        first: the first row of the host.
        last: end row, exclusive.

    Raises:
        SetDamagedError: naming file and rows, if they are not what was written.
        RuntimeError: if the host does not see a file that this process sees.
    """
    reads = [
        _Read(tensor, number, piece)
        for number, tensor in enumerate(variables)
        for piece in reader.pieces(table, tensor)
        if piece.first < last and piece.last > first
    ]
    # As they lie in the files.
    reads.sort(key=lambda read: (read.rows.file, read.rows.offset))
    paths = sorted({read.rows.path for read in reads})
    numbers = [
        [
            read.variable,
            paths.index(read.rows.path),
            read.rows.offset,
            read.rows.size,
            read.rows.masked_crc32c,
            max(first - read.rows.first, 0),
            min(read.rows.last, last) - max(read.rows.first, first),
            max(read.rows.first - first, 0),
        ]
        for read in reads
    ]
    try:
        with tf.device(next(iter(variables.values())).device):
            faults = usable_ops().shardline_read_shard(  # type: ignore[union-attr]
                tables=[variable.handle for variable in variables.values()],
                paths=paths,
                pieces=numbers,
                dims=[variable.shape[1] for variable in variables.values()],
            )
    except tf.errors.DataLossError as error:
        raise_if_unseen(paths, error)
        raise SetDamagedError(reason_of(error)) from error
    for number in faults.numpy():
        rows = reads[number].rows
        raise SetDamagedError(
            f"{rows.path}: rows {rows.first} to {rows.last - 1} of '{table}' "
            f"({reads[number].tensor}) are not what was written: their checksum is "
            "another"
        )
