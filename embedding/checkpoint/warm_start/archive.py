"""Keeps rows of a checkpoint that no new table takes, with their slots.

Of each table one file for the numbers of the rows, and one for parameters and for each
slot, as `numpy.load` reads them: `<table>.rows.npy`, `<table>.parameters.npy`, ...
"""

import itertools
import os
import urllib.parse
from pathlib import Path

import numpy as np

from shardline.embedding.checkpoint.sets.cut import PARAMETERS, ROWS
from shardline.embedding.checkpoint.warm_start.source import Source


def archive_path(folder: Path, table: str, tensor: str) -> Path:
    """Returns the file of a tensor's rows.

    Args:
        folder: the archive.
        table: the table's name; what no file's name can have is escaped.
        tensor: "rows", "parameters" or the name of a slot.
    """
    return folder / f"{urllib.parse.quote(table, safe='')}.{tensor}.npy"


def archive_rows(source: Source, table: str, rows: np.ndarray, folder: Path) -> None:
    """Writes rows of a checkpoint into files, a block at a time.

    Args:
        source: the checkpoint.
        table: the table's name.
        rows: int64 [n], rows that it has, ascending.
        folder: is there.

    Raises:
        OSError: if they cannot be written.
        ValueError: if what is read is not what was written.
    """
    held = source.tables[table]
    np.save(archive_path(folder, table, ROWS), rows)
    for tensor in (PARAMETERS, *held.slots):
        shape = len(rows), held.dim
        with open(archive_path(folder, table, tensor), "wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "<f4", "fortran_order": False, "shape": shape}
            )
            file.flush()
            begin = file.tell()
            os.truncate(file.fileno(), begin + 4 * held.dim * len(rows))
            for block in source.blocks(table, tensor):
                numbers = block.rows
                if isinstance(numbers, range):
                    first, last = np.searchsorted(rows, [numbers.start, numbers.stop])
                    positions = rows[first:last] - numbers.start
                    places = np.arange(first, last)
                else:
                    _, positions, places = np.intersect1d(
                        numbers, rows, assume_unique=True, return_indices=True
                    )
                if len(places):
                    values = block.read().numpy()
                    _write(file.fileno(), begin, places, values[positions])
            os.fsync(file.fileno())


def _write(file: int, begin: int, places: np.ndarray, values: np.ndarray) -> None:
    """Writes rows to their places, which ascend; neighbours at once."""
    ends = np.flatnonzero(np.diff(places) != 1) + 1
    bounds = [0, *ends.tolist(), len(places)]
    row_bytes = 4 * values.shape[1]
    for first, last in itertools.pairwise(bounds):
        content = np.ascontiguousarray(values[first:last]).data.cast("B")
        offset = begin + int(places[first]) * row_bytes
        while content:
            written = os.pwrite(file, content, offset)
            content, offset = content[written:], offset + written
