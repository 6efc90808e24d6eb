"""Records and messages are taken apart, whatever they are of."""

import io
from pathlib import Path

import tensorflow as tf

from shardline.components.eraser.messages import (
    RECORD_HEAD_BYTES,
    length_of_record,
    records,
    strings_in,
)


def test_records_are_those_that_tensorflow_wrote(tmp_path: Path) -> None:
    path = tmp_path / "records"
    written = [b"", b"a" * 300, b"\x00\xff"]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in written:
            writer.write(record)
    content = path.read_bytes()

    assert length_of_record(content[:RECORD_HEAD_BYTES]) == 0
    assert list(records(io.BytesIO(content))) == written
    assert list(records(io.BytesIO(content[:16] + b"damaged and long"))) == [
        b"",
        b"damaged and long",
    ]


def test_other_files_are_no_records() -> None:
    assert length_of_record(b"user_id,movie_id") is None
    assert length_of_record(b"short") is None


def test_every_string_of_a_message_is_found() -> None:
    example = tf.train.Example()
    example.features.feature["user"].bytes_list.value.extend([b"ann", b"\x08\x01"])
    example.features.feature["n"].int64_list.value.extend([1, -5])
    example.features.feature["x"].float_list.value.extend([1.5])

    found = set(strings_in(example.SerializeToString()))

    assert {b"ann", b"\x08\x01", b"user", b"n", b"x"} <= found


def test_what_is_no_message_ends_somewhere() -> None:
    for content in (b"", b"plain text", b"\x0a", b"\x0a\xff", b"\x80" * 40, b"\x0f"):
        assert list(strings_in(content)) == []
