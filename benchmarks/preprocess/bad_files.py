"""Seven kinds of bad input: small files that are wrong in one place each."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

GOOD_ROWS = 100
BAD_ROW = 60  # or where the damage is
_TOO_MANY = 1_000_000
_HEADER = "color,tags,size,label\n"


class BadCase(NamedTuple):
    """A kind of bad input.

    Attributes:
        name: what is wrong.
        format: of the files.
        file: what the bad one is called; None: not even the folder is there.
        write: makes it.
        said: words that the error must have beside the file's name.
        is_error: whether it ends a job unless it is to be skipped.
    """

    name: str
    format: str
    file: str | None
    write: Callable[[Path], None]
    said: str
    is_error: bool = True


def example(row: int, color: bytes | None = None, tags: int = 2) -> bytes:
    """Returns a serialized tf.Example."""
    made = tf.train.Example()
    feature = made.features.feature
    feature["color"].bytes_list.value.append(color or b"color%d" % (row % 7))
    feature["tags"].bytes_list.value.extend(b"tag%d" % k for k in range(tags))
    feature["size"].float_list.value.append(row)
    feature["label"].float_list.value.append(row % 2)
    return bytes(made.SerializeToString())


def csv_line(row: int, size: str | None = None) -> str:
    """Returns a line of CSV."""
    return f"color{row % 7},tag0|tag1,{row if size is None else size},{row % 2}\n"


def write_records(path: Path, examples: list[bytes]) -> None:
    """Writes a TFRecord file, gzipped if its name says so."""
    kind = "GZIP" if path.suffix == ".gz" else ""
    with tf.io.TFRecordWriter(str(path), kind) as writer:
        for one in examples:
            writer.write(one)


def good_file(folder: Path, form: str) -> Path:
    """Writes a file with nothing wrong."""
    path = folder / f"a-good.{form}"
    if form == "csv":
        path.write_text(_HEADER + "".join(map(csv_line, range(GOOD_ROWS))))
    else:
        write_records(path, [example(row) for row in range(GOOD_ROWS)])
    return path


def _corrupt(path: Path) -> None:
    write_records(path, [example(row) for row in range(GOOD_ROWS)])
    data = bytearray(path.read_bytes())
    data[len(data) * BAD_ROW // GOOD_ROWS] ^= 0xFF
    path.write_bytes(data)


def _truncated(path: Path) -> None:
    write_records(path, [example(row) for row in range(GOOD_ROWS)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * BAD_ROW // GOOD_ROWS])


def _one_bad_record(bad: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        rows = [example(row) for row in range(GOOD_ROWS)]
        write_records(path, [*rows[:BAD_ROW], bad, *rows[BAD_ROW + 1 :]])

    return write


def _wrong_cell(path: Path) -> None:
    lines = [
        csv_line(row, "large" if row == BAD_ROW else None) for row in range(GOOD_ROWS)
    ]
    path.write_text(_HEADER + "".join(lines))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _nothing(_: Path) -> None:
    pass


CASES = [
    BadCase("corrupt TFRecord", "tfrecord", "b-bad.tfrecord", _corrupt, "damaged"),
    BadCase("truncated gzip", "tfrecord", "b-bad.tfrecord.gz", _truncated, "gzip"),
    BadCase("wrong-typed CSV cell", "csv", "b-bad.csv", _wrong_cell, "large"),
    BadCase(
        "row of 10^6 ids",
        "tfrecord",
        "b-bad.tfrecord",
        _one_bad_record(example(BAD_ROW, tags=_TOO_MANY)),
        "max_values",
    ),
    BadCase("empty file", "tfrecord", "b-bad.tfrecord", _empty, "without rows", False),
    BadCase("unreadable path", "tfrecord", None, _nothing, "no such|not exist|missing"),
    BadCase(
        "ids that are not UTF-8",
        "tfrecord",
        "b-bad.tfrecord",
        _one_bad_record(example(BAD_ROW, color=b"caf\xe9")),
        "UTF-8",
    ),
]
