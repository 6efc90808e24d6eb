"""The file format of a checkpoint's index: a sorted string table, read and written.

A table maps byte strings to byte strings. Its entries lie in blocks, by ascending keys;
one more block says where each of these lies, and the footer where that one lies. What
TensorFlow writes has no compression. See TensorFlow's core/lib/io/table_builder.cc.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER_HANDLES_BYTES = 40
_FOOTER_BYTES = _FOOTER_HANDLES_BYTES + len(_MAGIC)
_UNCOMPRESSED = b"\0"
_BLOCK_BYTES = 16 * 2**10


def table_entries(content: bytes, path: str) -> dict[bytes, bytes]:
    """Returns every value of a table by its key.

    Args:
        content: the content of the file.
        path: the path of the file, for messages.

    Raises:
        ValueError: if it is no sorted string table, or a compressed one.
    """
    footer = content[-_FOOTER_BYTES:]
    if not footer.endswith(_MAGIC):
        raise ValueError(
            f"{path} is not the index of a TensorFlow checkpoint: "
            "it does not end as one."
        )
    _, position = _read_handle(footer, 0)
    root, _ = _read_handle(footer, position)
    return {
        key: value
        for _, handle in _block_entries(content, root, path)
        for key, value in _block_entries(content, _read_handle(handle, 0)[0], path)
    }


def table_content(
    entries: Mapping[bytes, bytes], masked_crc32c: Callable[[bytes], int]
) -> bytes:
    """Returns the content of a table's file.

    Args:
        entries: values by key, at least one.
        masked_crc32c: computes the checksum of a block, masked as TensorFlow stores it.
    """
    content = bytearray()
    handles = []
    for block in _blocks(sorted(entries.items())):
        handle = _append_block(content, block, masked_crc32c)
        # The key that stands for a block is at least as large as every key in it.
        handles.append((block[-1][0], handle))
    metadata = _append_block(content, [], masked_crc32c)
    root = _append_block(content, handles, masked_crc32c)
    content += (metadata + root).ljust(_FOOTER_HANDLES_BYTES, b"\0") + _MAGIC
    return bytes(content)


def _blocks(
    entries: Iterable[tuple[bytes, bytes]],
) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yields entries in blocks: to look one up, TensorFlow reads all of its block."""
    block: list[tuple[bytes, bytes]] = []
    size = 0
    for key, value in entries:
        block.append((key, value))
        size += len(key) + len(value)
        if size >= _BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _block_entries(
    content: bytes, handle: tuple[int, int], path: str
) -> Iterator[tuple[bytes, bytes]]:
    """Yields a block's entries, whose keys are stored as differences."""
    offset, size = handle
    if content[offset + size : offset + size + 1] != _UNCOMPRESSED:
        raise ValueError(
            f"{path} is compressed, which TensorFlow's own writer never does; "
            "write the checkpoint anew with tf.train.Checkpoint."
        )
    block = content[offset : offset + size]
    restarts = int.from_bytes(block[-4:], "little")
    end, position, key = size - 4 * (restarts + 1), 0, b""
    while position < end:
        shared, position = _read_varint(block, position)
        added, position = _read_varint(block, position)
        value_size, position = _read_varint(block, position)
        value_at = position + added
        key = key[:shared] + block[position:value_at]
        position = value_at + value_size
        yield key, block[value_at:position]


def _append_block(
    content: bytearray,
    entries: Iterable[tuple[bytes, bytes]],
    masked_crc32c: Callable[[bytes], int],
) -> bytes:
    """Appends a block and its checksum; returns the block's handle."""
    offset, block = len(content), _block(entries)
    stored = block + _UNCOMPRESSED
    content += stored + masked_crc32c(stored).to_bytes(4, "little")
    return _varint(offset) + _varint(len(block))


def _block(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Returns entries, each with its whole key, and where each begins."""
    content, starts = bytearray(), []
    for key, value in entries:
        starts.append(len(content))
        content += _varint(0) + _varint(len(key)) + _varint(len(value)) + key + value
    starts = starts or [0]
    for number in (*starts, len(starts)):
        content += number.to_bytes(4, "little")
    return bytes(content)


def _read_handle(content: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Returns (offset, size) of a block, and the position after the handle."""
    offset, position = _read_varint(content, position)
    size, position = _read_varint(content, position)
    return (offset, size), position


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    """Returns a number that has seven bits a byte, and the position after it."""
    number = shift = 0
    while True:
        byte = content[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position


def _varint(number: int) -> bytes:
    """Returns a number in seven bits a byte, the lowest bits first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
