"""TFRecord files: the records, each with its two checksums checked, in batches.

A record is its length as uint64, a checksum of that, its bytes, and a checksum of
those. Reading needs no TensorFlow and tells the byte of the damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from shardline.components.readers.files.checksums import masked_crc32c
from shardline.components.readers.files.formats.tf_examples import Decoding
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.raw_batch import RawBatch, ReadTask
from shardline.components.readers.files.streams import byte_stream

# So that the values of a batch, eight bytes each for one read, fit in memory.
_BATCH_BYTES = 8 << 20
_HEAD = struct.Struct("<QI")
_LENGTH_BYTES = 8
_CHECKSUM_BYTES = 4


def read_tfrecord(task: ReadTask) -> Iterator[RawBatch]:
    """Yields the task's batches.

    Raises:
        FileFault: the file is damaged; the batches before are those before the damage.
    """
    decoding = Decoding(task)
    with byte_stream(task.file) as stream:
        first = 1
        for number, batch in enumerate(record_batches(stream, task.batch_rows)):
            if task.has(number):
                yield from decoding.decoded(batch, first)
            first += len(batch)
    task.record_stored(first - 1)


def record_batches(stream: IO[bytes], batch_rows: int) -> Iterator[list[bytes]]:
    """Yields records in lists of so many, or fewer where they are long.

    Raises:
        FileFault: the file is damaged; what is before the damage is yielded first.
    """
    batch: list[bytes] = []
    batch_bytes = 0
    damage = None
    try:
        for record in _records(stream):
            batch.append(record)
            batch_bytes += len(record)
            if len(batch) == batch_rows or batch_bytes >= _BATCH_BYTES:
                yield batch
                batch, batch_bytes = [], 0
    except FileFault as fault:
        damage = fault
    if batch:
        yield batch
    if damage:
        raise damage


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    position = 0
    while head := stream.read(_HEAD.size):
        if len(head) < _HEAD.size:
            raise _cut_off(position)
        length, head_sum = _HEAD.unpack(head)
        if masked_crc32c(head[:_LENGTH_BYTES]) != head_sum:
            raise _damaged(position)
        body = stream.read(length + _CHECKSUM_BYTES)
        if len(body) < length + _CHECKSUM_BYTES:
            raise _cut_off(position)
        record = body[:length]
        if masked_crc32c(record) != int.from_bytes(body[length:], "little"):
            raise _damaged(position)
        yield record
        position += _HEAD.size + len(body)


def _cut_off(position: int) -> FileFault:
    return FileFault(
        f"is cut off: the record at byte {position:,} is not whole. Copy or write the "
        "file again."
    )


def _damaged(position: int) -> FileFault:
    hint = " Or it is no TFRecord file, or a gzip without `.gz` in its name."
    return FileFault(
        f"is damaged: the record at byte {position:,} does not fit its checksum. "
        f"Write the file again.{'' if position else hint}"
    )
