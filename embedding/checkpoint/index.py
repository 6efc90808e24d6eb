"""Where a checkpoint stores a tensor: read from its index file.

RestoreV2 loads every stored slice that a request touches, whole. To read a
tensor once and in bounded memory, ask slice by slice; TensorFlow has no call that lists
them, and a slice too big to load has to be read in pieces from its file.
The index is a sorted string table of `BundleEntryProto` (TensorFlow's
core/protobuf/tensor_bundle.proto), and a slice is its values in row-major order.
"""

import dataclasses
import functools
from collections.abc import Iterator

import tensorflow as tf

# The protos of the index; TensorFlow exports no reader of it.
from tensorflow.core.protobuf.tensor_bundle_pb2 import (
    BundleEntryProto,
    BundleHeaderProto,
)

_HEADER_KEY = b""
_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_UNCOMPRESSED = 0


@dataclasses.dataclass(frozen=True)
class StoredRows:
    """A range of rows that a checkpoint stores in one piece.

    Attributes:
        first: the first row.
        last: end row, exclusive.
        path: the data file.
        offset: where in the file the first row begins, in bytes.
        size: of the rows, in bytes.
        dtype: of their values.
    """

    first: int
    last: int
    path: str
    offset: int
    size: int
    dtype: tf.DType

    def read(self, first: int, last: int) -> bytes:
        """Returns the bytes of the rows [first, last), which are among these.

        Nothing but their number is checked: a checkpoint has one checksum for the
        whole piece.

        Raises:
            ValueError: if the file ends before.
        """
        row_bytes = self.size // (self.last - self.first)
        with tf.io.gfile.GFile(self.path, "rb") as file:
            file.seek(self.offset + (first - self.first) * row_bytes)
            found: bytes = file.read((last - first) * row_bytes)
        if len(found) != (last - first) * row_bytes:
            raise ValueError(
                f"{self.path} ends within the rows {first} to {last}: the checkpoint "
                "is incomplete. Restore another one."
            )
        return found


def stored_rows(prefix: str, key: str) -> list[StoredRows]:
    """Returns the pieces in which a tensor is stored, by ascending rows.

    Args:
        prefix: path of the checkpoint, without ".index".
        key: the tensor's key in the checkpoint; its rank is at least 1.

    Raises:
        ValueError: if the checkpoint holds no such key, or its index is no index.
    """
    entries = index_entries(prefix)
    if key.encode() not in entries:
        raise ValueError(f"Checkpoint {prefix} holds no tensor '{key}'.")
    files = BundleHeaderProto.FromString(entries[_HEADER_KEY]).num_shards
    whole = BundleEntryProto.FromString(entries[key.encode()])
    rows = whole.shape.dim[0].size
    # Keys of slices are made to sort as the slices do: by start, then by length.
    extents = sorted(
        [(extent.start, extent.length or rows) for extent in part.extent]
        for part in whole.slices
    )
    of_slice = b"\0" + key.encode() + b"\0\1"
    pieces = [
        BundleEntryProto.FromString(entry)
        for name, entry in entries.items()
        if name.startswith(of_slice)
    ]
    return [
        StoredRows(
            first,
            first + length,
            f"{prefix}.data-{piece.shard_id:05d}-of-{files:05d}",
            piece.offset,
            piece.size,
            tf.as_dtype(piece.dtype),
        )
        for ((first, length), *_), piece in zip(
            extents or [[(0, rows)]], pieces or [whole], strict=True
        )
    ]


def index_entries(prefix: str) -> dict[bytes, bytes]:
    """Returns every serialized entry of a checkpoint's index by its key.

    The key b"" has a `BundleHeaderProto`, every other one a `BundleEntryProto`.

    Args:
        prefix: path of the checkpoint, without ".index".
    """
    with tf.io.gfile.GFile(prefix + ".index", "rb") as file:
        return _entries_of_index(file.read(), prefix)


@functools.lru_cache(maxsize=1)  # One restore asks for every table and slot in turn.
def _entries_of_index(index: bytes, prefix: str) -> dict[bytes, bytes]:
    """Returns every serialized entry by its key."""
    footer = index[-_FOOTER_BYTES:]
    if not footer.endswith(_MAGIC):
        raise ValueError(
            f"{prefix}.index is not the index of a TensorFlow checkpoint: "
            "it does not end as one."
        )
    _, position = _block_handle(footer, 0)
    root, _ = _block_handle(footer, position)
    return {
        key: value
        for _, handle in _block_entries(index, root, prefix)
        for key, value in _block_entries(index, _block_handle(handle, 0)[0], prefix)
    }


def _block_entries(
    index: bytes, handle: tuple[int, int], prefix: str
) -> Iterator[tuple[bytes, bytes]]:
    """Yields a block's keys, of which each stores what differs from the one before."""
    offset, size = handle
    if index[offset + size] != _UNCOMPRESSED:
        raise ValueError(
            f"{prefix}.index is compressed, which TensorFlow's own writer never does; "
            "write the checkpoint anew with tf.train.Checkpoint."
        )
    block = index[offset : offset + size]
    restarts = int.from_bytes(block[-4:], "little")
    end, position, key = size - 4 * (restarts + 1), 0, b""
    while position < end:
        shared, position = _varint(block, position)
        added, position = _varint(block, position)
        value_size, position = _varint(block, position)
        value_at = position + added
        key = key[:shared] + block[position:value_at]
        position = value_at + value_size
        yield key, block[value_at:position]


def _block_handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Returns ((offset, size) of a block, position behind the handle)."""
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return (offset, size), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Returns (a number of seven bits a byte, position behind it)."""
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position
