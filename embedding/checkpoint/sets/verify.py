"""Reads every byte of a checkpoint set, and says what is not as it was written."""

from collections.abc import Iterator

from shardline.embedding.checkpoint.sets.cut import ROWS
from shardline.embedding.checkpoint.sets.folder import CheckpointSet
from shardline.embedding.checkpoint.sets.reader import (
    SetDamagedError,
    SetReader,
    file_faults,
    tensors_of,
)
from shardline.embedding.checkpoint.sets.rounding import SCALE


def verify_set(checkpoint_set: CheckpointSet) -> list[str]:
    """Returns what is wrong with a set; the sets that it builds on are not read.

    Args:
        checkpoint_set: its manifest was verified when it was read.

    Returns:
        A line for each fault, with the file's path.
    """
    if faults := file_faults(checkpoint_set):
        return faults
    return list(_faults(SetReader(checkpoint_set)))


def _faults(reader: SetReader) -> Iterator[str]:
    manifest = reader.set.manifest
    for table, stored in manifest.tables.items():
        tensors = tensors_of(stored)
        if manifest.kind == "differential":
            tensors.append(ROWS)
        if manifest.rows == "int8":
            tensors.append(SCALE)
        for tensor in tensors:
            try:
                for piece in reader.pieces(table, tensor):
                    reader.read(table, tensor, piece, piece.first, piece.last)
            except SetDamagedError as error:
                yield str(error)
    try:
        reader.values(list(reader.value_dtypes()))
    except SetDamagedError as error:
        yield str(error)
