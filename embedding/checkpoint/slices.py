"""Entries of a checkpoint's index for tensors whose rows lie in pieces.

TensorFlow finds a piece under a key that is made of the tensor's name and the ranges of
the piece, encoded so that keys sort as the ranges do; see its
core/util/saved_tensor_slice_util.cc and core/lib/strings/ordered_code.cc.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import tensorflow as tf

# The protos of the index; TensorFlow exports no writer of it.
from tensorflow.core.protobuf.tensor_bundle_pb2 import (
    BundleEntryProto,
    BundleHeaderProto,
)

from shardline.embedding.checkpoint.index import HEADER_KEY


@dataclasses.dataclass(frozen=True)
class RowPiece:
    """Rows of a tensor that lie in one piece in a data file.

    Attributes:
        first: the first row.
        count: how many.
        file: the number of the data file.
        offset: where in the file they begin, in bytes.
        bytes: their size.
        masked_crc32c: their checksum.
    """

    first: int
    count: int
    file: int
    offset: int
    bytes: int
    masked_crc32c: int


def header(files: int) -> dict[bytes, bytes]:
    """Returns the entry that every index has.

    Args:
        files: how many data files there are.
    """
    proto = BundleHeaderProto(num_shards=files)
    proto.version.producer = 1
    return {HEADER_KEY: proto.SerializeToString()}


def tensor_entries(
    name: str, dtype: tf.DType, shape: Sequence[int], pieces: Iterable[RowPiece]
) -> dict[bytes, bytes]:
    """Returns the entries of one tensor.

    Args:
        name: the tensor's key.
        dtype: of its values.
        shape: its shape, of rank 1 or more.
        pieces: what it consists of, by ascending rows; together all rows.
    """
    pieces = list(pieces)
    whole = BundleEntryProto(dtype=dtype.as_datatype_enum)
    whole.shape.CopyFrom(tf.TensorShape(shape).as_proto())
    if len(pieces) == 1:
        _place(whole, pieces[0])
        return {name.encode(): whole.SerializeToString()}
    entries = {}
    for piece in pieces:
        ranges = [(piece.first, piece.count), *((0, size) for size in shape[1:])]
        extents = whole.slices.add()
        for start, length in ranges:
            extents.extent.add(start=start, length=length)
        entry = BundleEntryProto(dtype=dtype.as_datatype_enum)
        entry.shape.CopyFrom(tf.TensorShape([piece.count, *shape[1:]]).as_proto())
        _place(entry, piece)
        entries[_slice_key(name, ranges)] = entry.SerializeToString()
    return {name.encode(): whole.SerializeToString(), **entries}


def _place(entry: BundleEntryProto, piece: RowPiece) -> None:
    entry.shard_id = piece.file
    entry.offset = piece.offset
    entry.size = piece.bytes
    entry.crc32c = piece.masked_crc32c


def _slice_key(name: str, ranges: Sequence[tuple[int, int]]) -> bytes:
    """Returns the key of a slice: (start, length) of each dimension."""
    escaped = name.encode().replace(b"\xff", b"\xff\0").replace(b"\0", b"\0\xff")
    numbers = b"".join(_signed(number) for extent in ranges for number in extent)
    return _unsigned(0) + escaped + b"\0\1" + _unsigned(len(ranges)) + numbers


def _unsigned(number: int) -> bytes:
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([len(content)]) + content


def _signed(number: int) -> bytes:
    """Returns a number, not negative, in as many bytes as leading ones say."""
    size = number.bit_length() // 7 + 1
    ones = (1 << size) - 1 << 8 * size - size
    return (number | ones).to_bytes(size, "big")
