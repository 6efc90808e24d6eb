"""Index entries of tensors in pieces, as TensorFlow writes and reads them."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.checkpoint.crc32c import masked_crc32c
from shardline.embedding.checkpoint.index import (
    index_entries,
    stored_rows,
    write_index,
)
from shardline.embedding.checkpoint.slices import RowPiece, header, tensor_entries


@pytest.mark.parametrize(
    ("first", "count", "dim", "rows"),
    [
        (0, 5, 3, 10),
        (5, 5, 3, 10),
        (63, 1, 1, 70),
        (64, 100, 64, 70_000),
        (8191, 1, 8192, 9000),
        (8192, 3, 1, 2**21),
        (2**20, 2**20, 7, 2**21 + 9),
    ],
)
def test_the_key_of_a_slice_is_tensorflows(tmp_path, first, count, dim, rows):
    prefix = str(tmp_path / "c")
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=["t\0/\xff"],
        shape_and_slices=[f"{rows} {dim} {first},{count}:0,{dim}"],
        tensors=[tf.zeros([count, dim])],
    )
    piece = RowPiece(first, count, 0, 0, count * dim * 4, 0)
    mine = tensor_entries("t\0/\xff", tf.float32, [rows, dim], [piece] * 2)
    wanted = [key for key in index_entries(prefix) if key.startswith(b"\0")]
    assert [key for key in mine if key.startswith(b"\0")] == wanted


@pytest.mark.parametrize("step", [7, 1000, 2000])
def test_tensorflow_reads_what_was_written_in_pieces(tmp_path, step):
    values = np.random.default_rng(0).normal(size=(1000, 8)).astype(np.float32)
    prefix = str(tmp_path / "c")
    pieces, offsets = [], [0, 0]
    files = [open(f"{prefix}.data-0000{n}-of-00002", "wb") for n in range(2)]
    for first in range(0, 1000, step):
        content = values[first : first + step].tobytes()
        number = int(first >= 500)
        count = min(step, 1000 - first)
        crc = masked_crc32c(content)
        pieces.append(
            RowPiece(first, count, number, offsets[number], len(content), crc)
        )
        offsets[number] += files[number].write(content)
    for file in files:
        file.close()
    entries = tensor_entries("m/parameters", tf.float32, [1000, 8], pieces)
    write_index(prefix, header(2) | entries, masked_crc32c)
    reader = tf.train.load_checkpoint(prefix)
    assert np.array_equal(reader.get_tensor("m/parameters"), values)
    found = stored_rows(prefix, "m/parameters")
    assert [(p.first, p.last, p.file, p.offset, p.size) for p in found] == [
        (p.first, p.first + p.count, p.file, p.offset, p.bytes) for p in pieces
    ]


def test_numbers_of_rows_in_pieces(tmp_path):
    rows = np.arange(10, dtype=np.int64) * 3
    prefix = str(tmp_path / "c")
    (tmp_path / "c.data-00000-of-00001").write_bytes(rows.tobytes())
    pieces = [
        RowPiece(first, 5, 0, first * 8, 40, masked_crc32c(rows[first:][:5].tobytes()))
        for first in (0, 5)
    ]
    entries = tensor_entries("rows", tf.int64, [10], pieces)
    write_index(prefix, header(1) | entries, masked_crc32c)
    found = tf.train.load_checkpoint(prefix).get_tensor("rows")
    assert np.array_equal(found, rows)
