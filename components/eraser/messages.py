"""TFRecords and protocol buffers of any type, taken apart without descriptions."""

from collections.abc import Iterator
from typing import IO, Any

from shardline.components.readers.files.checksums import masked_crc32c

RECORD_HEAD_BYTES = 12
_LENGTH_BYTES = 8
_TAIL_BYTES = 4
_FIXED_BYTES = {1: 8, 5: 4}
_VARINT, _STRING = 0, 2
_MOST_NESTED = 32


def length_of_record(head: bytes) -> int | None:
    """Returns the length of a record; None if its head is not that of one.

    Args:
        head: its first `RECORD_HEAD_BYTES`.
    """
    if len(head) < RECORD_HEAD_BYTES:
        return None
    length, checksum = head[:_LENGTH_BYTES], head[_LENGTH_BYTES:]
    if int.from_bytes(checksum, "little") != masked_crc32c(length):
        return None
    return int.from_bytes(length, "little")


def records(file: IO[bytes] | Any) -> Iterator[bytes]:
    """Yields the records of an uncompressed TFRecord file.

    What follows a damaged head is one record more.
    """
    while head := file.read(RECORD_HEAD_BYTES):
        length = length_of_record(head)
        if length is None:
            yield head + file.read()
            return
        yield file.read(length)
        file.read(_TAIL_BYTES)


def strings_in(content: bytes, nested: int = 0) -> Iterator[bytes]:
    """Yields all strings of a protocol buffer, those of messages in it as well.

    A string that could be a message is yielded, and taken apart too. Of bytes that are
    no message nothing may come.

    Args:
        content: the message.
        nested: how many messages this one is in.
    """
    position, size = 0, len(content)
    while position < size:
        tag, position = _varint(content, position)
        kind = tag & 7
        if tag >> 3 == 0 or position > size:
            return
        if kind == _VARINT:
            _, position = _varint(content, position)
        elif kind in _FIXED_BYTES:
            position += _FIXED_BYTES[kind]
        elif kind == _STRING:
            length, position = _varint(content, position)
            if position + length > size:
                return
            string = content[position : position + length]
            yield string
            if nested < _MOST_NESTED:
                yield from strings_in(string, nested + 1)
            position += length
        else:
            return


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Returns a number and the position after it, which is beyond a number cut off."""
    number = shift = 0
    while position < len(content):
        byte = content[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position
    return 0, len(content) + 1
