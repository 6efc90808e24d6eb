"""The index of a checkpoint, written for data files that are there already.

TensorFlow writes an index only together with tensors that it holds in memory. The file
is a sorted string table with one block of entries, as `embedding.checkpoint.index`
reads it; see TensorFlow's core/lib/io/table_builder.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import google_crc32c

_FOOTER_HANDLES_BYTES = 40
_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_UNCOMPRESSED = b"\0"


def write_index(prefix: str, entries: Mapping[bytes, bytes]) -> None:
    """Writes the index of a checkpoint.

    Args:
        prefix: path of the checkpoint, without ".index".
        entries: as `embedding.checkpoint.index.index_entries` returns them.
    """
    content = bytearray()
    held = _appended(content, sorted(entries.items()))
    nothing = _appended(content, [])
    # Every key of the block is at most the key that stands for it.
    blocks = _appended(content, [(max(entries), held)])
    content += (nothing + blocks).ljust(_FOOTER_HANDLES_BYTES, b"\0") + _MAGIC
    Path(f"{prefix}.index").write_bytes(content)


def masked(checksum: int) -> int:
    """Returns a CRC32C as TensorFlow stores it."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _appended(content: bytearray, entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Appends a block; returns where it lies and how long it is."""
    offset, block = len(content), _block(entries)
    stored = block + _UNCOMPRESSED
    content += stored + masked(google_crc32c.value(stored)).to_bytes(4, "little")
    return _varint(offset) + _varint(len(block))


def _block(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Returns entries, each with its whole key, and where each begins."""
    content, starts = b"", []
    for key, value in entries:
        starts.append(len(content))
        content += _varint(0) + _varint(len(key)) + _varint(len(value)) + key + value
    starts = starts or [0]
    numbers = [*starts, len(starts)]
    return content + b"".join(number.to_bytes(4, "little") for number in numbers)


def _varint(number: int) -> bytes:
    """Returns a number in seven bits a byte, the lowest first."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])
