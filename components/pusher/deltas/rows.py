"""Files of which some rows changed: finding these rows, and putting them in.

A model's rows file says where rows lie in its data files. What lies between them is
taken as rows of one block each. A file is worked through in pieces, so that memory does
not grow with tables.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from shardline.components.contracts.model_folder import ROWS_FILE
from shardline.components.pusher.deltas.delta_manifest import Change, Piece
from shardline.components.pusher.publication import PublicationError

_PIECE_BYTES = 16 << 20
_BLOCK_BYTES = 4096


class Region(BaseModel):
    """Consecutive rows of a table in a file of the model."""

    model_config = ConfigDict(frozen=True)

    file: str
    offset: NonNegativeInt
    rows: NonNegativeInt
    row_bytes: PositiveInt


class _Regions(BaseModel):
    regions: list[Region]


class _Rows(NamedTuple):
    """Consecutive rows of a file."""

    offset: int
    rows: int
    row_bytes: int
    of_table: bool


def regions_of(model: Path) -> dict[str, list[Region]]:
    """Returns by file where a model's rows lie; nothing if the model does not say."""
    try:
        found = _Regions.model_validate_json((model / ROWS_FILE).read_bytes()).regions
    except (OSError, ValidationError):
        return {}
    by_file: dict[str, list[Region]] = {}
    for region in sorted(found, key=lambda region: region.offset):
        by_file.setdefault(region.file, []).append(region)
    return by_file


def write_changed_rows(
    base: tuple[Path, Sequence[Region]],
    new: tuple[Path, Sequence[Region]],
    payload: Path,
) -> Change | None:
    """Writes what a file has that the base's does not.

    Args:
        base: the base's file, and where rows lie in it.
        new: the new version's.
        payload: the file to write.

    Returns:
        The change; None, and nothing is written, if the two cannot be compared row by
        row.
    """
    parts, base_parts = _parts(*new), _parts(*base)
    if parts is None or base_parts is None or len(parts) != len(base_parts):
        return None
    payload.parent.mkdir(parents=True, exist_ok=True)
    pieces: list[Piece] = []
    table_rows = 0
    with payload.open("xb") as writer:
        for rows, before in zip(parts, base_parts, strict=True):
            for offset, piece in _pieces(rows, before):
                written = _write_piece(base[0], (new[0], offset), piece, writer)
                pieces.append(written)
                if rows.of_table:
                    table_rows += written.changed + written.rows - written.common
    return Change(kind="rows", pieces=pieces, table_rows=table_rows)


def _parts(file: Path, regions: Sequence[Region]) -> list[_Rows] | None:
    """Returns the whole file as rows; None if its regions are not inside it."""
    parts: list[_Rows] = []
    end = 0
    for region in regions:
        if region.offset < end:
            return None
        parts += _blocks(end, region.offset)
        parts.append(_Rows(region.offset, region.rows, region.row_bytes, True))
        end = region.offset + region.rows * region.row_bytes
    size = file.stat().st_size
    return None if end > size else [*parts, *_blocks(end, size)]


def _blocks(start: int, end: int) -> Iterator[_Rows]:
    blocks, rest = divmod(end - start, _BLOCK_BYTES)
    if blocks:
        yield _Rows(start, blocks, _BLOCK_BYTES, False)
    if rest:
        yield _Rows(end - rest, 1, rest, False)


def _pieces(new: _Rows, base: _Rows) -> Iterator[tuple[int, Piece]]:
    """Yields (offset in the new file, piece whose changes are not known yet)."""
    shared = min(new.rows, base.rows) if new.row_bytes == base.row_bytes else 0
    at_once = max(1, _PIECE_BYTES // new.row_bytes)
    for start in range(0, new.rows, at_once):
        rows = min(at_once, new.rows - start)
        common = min(max(shared - start, 0), rows)
        base_offset = base.offset + start * base.row_bytes if common else 0
        piece = Piece(new.row_bytes, rows, base_offset, common, 0, 0)
        yield new.offset + start * new.row_bytes, piece


def _write_piece(
    base: Path, new: tuple[Path, int], piece: Piece, writer: IO[bytes]
) -> Piece:
    file, offset = new
    rows = _rows_at(file, offset, piece.rows, piece.row_bytes)
    before = _rows_at(base, piece.base_offset, piece.common, piece.row_bytes)
    differs = _words(rows[: piece.common]) != _words(before)
    changed = np.flatnonzero(differs.any(axis=1))
    index = encoded_index(changed)
    writer.write(index)
    writer.write(rows[changed].tobytes())
    writer.write(rows[piece.common :].tobytes())
    return piece._replace(changed=len(changed), index_bytes=len(index))


def _rows_at(file: Path, offset: int, rows: int, row_bytes: int) -> np.ndarray:
    content = np.fromfile(file, np.uint8, rows * row_bytes, offset=offset)
    return content.reshape(rows, row_bytes)


def _words(rows: np.ndarray) -> np.ndarray:
    """Returns rows in the largest words that fit, which compare faster."""
    row_bytes = rows.shape[1]
    size = next(size for size in (8, 4, 2, 1) if row_bytes % size == 0)
    return rows.view(f"u{size}")


def encoded_index(numbers: np.ndarray) -> bytes:
    """Returns rising numbers as few bytes: the steps between them, compressed.

    Args:
        numbers: int64 [n], each larger than the one before it.
    """
    if not len(numbers):
        return b""
    steps = np.diff(numbers, prepend=0)
    size = next(size for size in (1, 2, 4, 8) if int(steps.max()) < 1 << 8 * size)
    return bytes([size]) + zlib.compress(steps.astype(f"<u{size}").tobytes())


def decoded_index(index: bytes, count: int, end: int) -> np.ndarray:
    """Returns the numbers that an index holds.

    Args:
        index: as `encoded_index` gives it.
        count: how many numbers it should hold.
        end: all should be smaller.

    Raises:
        PublicationError: if it holds something else.
    """
    if not count and not index:
        return np.zeros(0, np.int64)
    size = index[0] if index else 0
    if size in (1, 2, 4, 8):
        unpacker = zlib.decompressobj()
        try:
            content = unpacker.decompress(index[1:], count * size + 1)
        except zlib.error:
            content = b""
        if len(content) == count * size and unpacker.eof:
            numbers = np.cumsum(np.frombuffer(content, f"<u{size}").astype(np.int64))
            rising = (np.diff(numbers) > 0).all()
            if count and rising and 0 <= numbers[0] and numbers[-1] < end:
                return numbers
    raise PublicationError(
        f"The index of a delta is damaged: it should hold {count} rows below {end}. "
        "A full version is needed."
    )


def write_patched(
    base: Path, payload: Path, change: Change, size: int, target: Path
) -> None:
    """Writes the new version's file.

    Args:
        base: the base's file.
        payload: what changed.
        change: how to put it together.
        size: bytes that the new file should have.
        target: the file to write; its folder is made.

    Raises:
        PublicationError: if the parts do not fit together.
    """
    if sum(piece.bytes for piece in change.pieces) != size:
        raise PublicationError(
            f"{payload}: gives a file of another length than {size} bytes. A full "
            "version is needed."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with base.open("rb") as old, payload.open("rb") as new, target.open("xb") as out:
        for piece in change.pieces:
            out.write(_patched(old, new, piece))
        if new.read(1):
            raise PublicationError(
                f"{payload}: is longer than its delta says. A full version is needed."
            )


def _patched(base: IO[bytes], payload: IO[bytes], piece: Piece) -> bytes:
    if piece.common > piece.rows or piece.changed > piece.common:
        raise PublicationError(f"A delta has a piece that cannot be: {piece}.")
    base.seek(piece.base_offset)
    width = piece.row_bytes
    kept = _read(base, piece.common * width)
    index = _read(payload, piece.index_bytes)
    changed = decoded_index(bytes(index), piece.changed, piece.common)
    kept.reshape(piece.common, width)[changed] = _read(
        payload, piece.changed * width
    ).reshape(piece.changed, width)
    added = _read(payload, (piece.rows - piece.common) * width)
    return kept.tobytes() + added.tobytes()


def _read(file: IO[bytes], size: int) -> np.ndarray:
    """Returns bytes as an array, in memory of no more than the file really has."""
    content = file.read(size)
    if len(content) != size:
        raise PublicationError(
            f"{file.name}: ends {size - len(content)} bytes too soon. A full version "
            "is needed."
        )
    return np.frombuffer(bytearray(content), np.uint8)
