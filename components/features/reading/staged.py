"""Batches that the first job has read, kept for the second one.

To parse an example takes longer than to count, to transform or to write it, so it is
done once. A unit of work has one file of batches for each split of its rows.
"""

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from shardline.components.features.writing.atomic_file import AtomicFile
from shardline.components.readers.files import BadInput, BadInputError, Tally, Unit
from shardline.components.readers.files.locations import opened

_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4")


class StagedUnit:
    """Writes the batches of a unit of work."""

    def __init__(self, folder: str, unit: Unit) -> None:
        """Opens nothing yet.

        Args:
            folder: the folder of all staged files.
            unit: whose batches these are.
        """
        self._folder = folder
        self._unit = unit
        self._open: dict[str, tuple[AtomicFile, Any, Any]] = {}

    def write(self, split: str, batch: pa.RecordBatch) -> None:
        """Adds a batch of a split."""
        if split not in self._open:
            file = AtomicFile(_path(self._folder, self._unit, split))
            sink = file.open()
            writer = pa.ipc.new_stream(sink, batch.schema, options=_LZ4)
            self._open[split] = file, sink, writer
        self._open[split][2].write_batch(batch)

    def finish(self) -> None:
        """Gives the files their final names."""
        for file, sink, writer in self._open.values():
            writer.close()
            sink.close()
            file.rename()


@dataclasses.dataclass(frozen=True)
class Staged:
    """What was kept of a unit of work.

    Attributes:
        rows: the rows by split.
        bad: what was left out.
        tally: what was read.
    """

    rows: dict[str, int]
    bad: BadInput
    tally: Tally


def staged_batches(
    folder: str, unit: Unit, rows: Mapping[str, int]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yields (split, batch) of what was written for a unit of work.

    Args:
        folder: the folder of all staged files.
        unit: the unit.
        rows: how many were written, by split.

    Raises:
        BadInputError: if what was written is not there, or not whole.
    """
    for split in sorted(split for split, count in rows.items() if count):
        read = 0
        try:
            with (
                opened(_path(folder, unit, split)) as source,
                pa.ipc.open_stream(source) as batches,
            ):
                for batch in batches:
                    read += batch.num_rows
                    yield split, batch
        except (OSError, pa.ArrowInvalid) as error:
            raise _lost(unit, folder) from error
        if read != rows[split]:
            raise _lost(unit, folder)


def _lost(unit: Unit, folder: str) -> BadInputError:
    return BadInputError(
        f"{unit.file}: what the first job kept of it in {folder} is not there, or not "
        "whole. Let all workers share the output's folder, and let no other program "
        "write there; then run again."
    )


def _path(folder: str, unit: Unit, split: str) -> str:
    key = f"{unit.file} {unit.part} {unit.parts}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    return os.path.join(folder, f"{digest}-{split}")
