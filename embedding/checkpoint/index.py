"""The index of a checkpoint: which file holds which rows of a tensor.

RestoreV2 loads every stored slice that a request touches, whole. To read a tensor once
and in bounded memory, one asks slice by slice; TensorFlow has no call that lists them,
and a slice too big to load has to be read in pieces from its file. Nor does TensorFlow
write an index for data files that are there already.

The index is a sorted string table (`checkpoint.sorted_table`) of `BundleEntryProto`
(TensorFlow's core/protobuf/tensor_bundle.proto). A slice is its values in row-major
order.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf

# The protos of the index; TensorFlow exports no reader of it.
from tensorflow.core.protobuf.tensor_bundle_pb2 import (
    BundleEntryProto,
    BundleHeaderProto,
)

from shardline.embedding.checkpoint.sorted_table import table_content, table_entries

HEADER_KEY = b""


@dataclasses.dataclass(frozen=True)
class StoredRows:
    """A range of rows that a checkpoint stores in one piece.

    Attributes:
        first: the first row.
        last: end row, exclusive.
        path: the data file.
        file: the number of the data file.
        offset: where in the file the first row begins, in bytes.
        size: the size of the rows, in bytes.
        dtype: the dtype of their values.
        masked_crc32c: the checksum of all of them, as TensorFlow stores it.
    """

    first: int
    last: int
    path: str
    file: int
    offset: int
    size: int
    dtype: tf.DType
    masked_crc32c: int

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
    files = BundleHeaderProto.FromString(entries[HEADER_KEY]).num_shards
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
            piece.shard_id,
            piece.offset,
            piece.size,
            tf.as_dtype(piece.dtype),
            piece.crc32c,
        )
        for ((first, length), *_), piece in zip(
            extents or [[(0, rows)]], pieces or [whole], strict=True
        )
    ]


def index_entries(prefix: str) -> dict[bytes, bytes]:
    """Returns every serialized entry of a checkpoint's index by its key.

    `HEADER_KEY` has a `BundleHeaderProto`, every other key a `BundleEntryProto`.

    Args:
        prefix: path of the checkpoint, without ".index".

    Raises:
        ValueError: if the file is no index.
    """
    path = f"{prefix}.index"
    with tf.io.gfile.GFile(path, "rb") as file:
        return _entries_of_index(file.read(), path)


def write_index(
    prefix: str,
    entries: Mapping[bytes, bytes],
    masked_crc32c: Callable[[bytes], int],
) -> None:
    """Writes the index of a checkpoint whose data files are there already.

    Args:
        prefix: path of the checkpoint, without ".index".
        entries: as `index_entries` returns them.
        masked_crc32c: computes the CRC32C of bytes, masked as TensorFlow stores it.
    """
    Path(f"{prefix}.index").write_bytes(table_content(entries, masked_crc32c))


# One restore asks for every table and slot in turn.
_entries_of_index = functools.lru_cache(maxsize=1)(table_entries)
