"""Rows of tensors in a TensorFlow checkpoint, set to a value in its files.

A data file is copied once, with the rows set, a block at a time; the index gets the new
checksums. What is stored of other rows stays as it is, bit by bit.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import google_crc32c
import numpy as np

from shardline.components.eraser.swap import own
from shardline.components.readers.files.checksums import masked, masked_crc32c
from shardline.embedding.checkpoint.index import (
    StoredRows,
    index_entries,
    stored_rows,
    write_index,
)
from shardline.embedding.checkpoint.slices import RowPiece, tensor_entries

_BLOCK_BYTES = 32 * 2**20


def set_rows(
    prefix: str, rows: Mapping[str, tuple[Sequence[int], np.ndarray]]
) -> dict[str, int]:
    """Sets rows of tensors.

    Args:
        prefix: of the checkpoint, in a copy of its folder.
        rows: by key of a tensor, its rows, ascending, and what each of them becomes:
            [...], of the tensor's type and the shape of a row.

    Returns:
        By key, how many rows were other than that.
    """
    entries = dict(index_entries(prefix))
    changed: dict[str, int] = {}
    owned: set[str] = set()
    for key, (wanted, value) in rows.items():
        pieces, count = [], 0
        found = stored_rows(prefix, key)
        for piece in found:
            inside = [row for row in wanted if piece.first <= row < piece.last]
            crc, differing = piece.masked_crc32c, 0
            if inside and _differ(piece, inside, value):
                if piece.path not in owned:
                    own(Path(piece.path))
                    owned.add(piece.path)
                crc, differing = _set(piece, inside, value)
            count += differing
            pieces.append(
                RowPiece(
                    piece.first,
                    piece.last - piece.first,
                    piece.file,
                    piece.offset,
                    piece.size,
                    crc,
                )
            )
        changed[key] = count
        if count:
            for name in [name for name in entries if name.startswith(_slices_of(key))]:
                del entries[name]
            shape = [found[-1].last, *value.shape]
            entries.update(tensor_entries(key, found[0].dtype, shape, pieces))
    if any(changed.values()):
        Path(f"{prefix}.index").unlink()
        write_index(prefix, entries, masked_crc32c)
    return changed


def _slices_of(key: str) -> bytes:
    """Returns what keys of a tensor's pieces begin with."""
    return b"\0" + key.encode() + b"\0\1"


def _differ(piece: StoredRows, rows: Iterable[int], value: np.ndarray) -> bool:
    content = value.tobytes()
    return any(piece.read(row, row + 1) != content for row in rows)


def _set(piece: StoredRows, rows: Sequence[int], value: np.ndarray) -> tuple[int, int]:
    """Sets rows of a piece; returns its masked checksum and how many were other."""
    content, changed, crc = value.tobytes(), 0, 0
    row_bytes = len(content)
    with open(piece.path, "r+b") as file:
        for row in rows:
            at = piece.offset + (row - piece.first) * row_bytes
            file.seek(at)
            if file.read(row_bytes) != content:
                file.seek(at)
                file.write(content)
                changed += 1
        file.seek(piece.offset)
        left = piece.size
        while left:
            block = file.read(min(left, _BLOCK_BYTES))
            crc = google_crc32c.extend(crc, block)
            left -= len(block)
    return masked(crc), changed
