"""What the start of a file tells: whether it can be read, its columns, any row."""

import gzip
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.readers.files import ReadSettings
from shardline.components.readers.files.formats.csv.headers import unlike
from shardline.components.readers.files.heads import Head, head_of, rows_up_to


def settings_of(form: Any) -> ReadSettings:
    return ReadSettings(form, {})


ROWS = [{"a": f"x{i}", "n": i} for i in range(9)]


@pytest.mark.parametrize("form", ["csv", "csv.gz", "tfrecord", "parquet"])
def test_head_of_a_good_file_names_its_columns(
    form: str, write: Callable[..., str]
) -> None:
    file = write(f"a.{form}", ROWS)
    head = head_of(file, settings_of(form.removesuffix(".gz")))
    assert head.has_rows
    assert head == Head(
        file,
        () if form == "tfrecord" else ("a", "n"),
        9 if form == "parquet" else None,
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"\xef\xbb\xbf"),
        ("a.csv", b"\n\r\n"),
        ("a.csv", b"a,b\n"),
        ("a.csv", b"a,b\r\n" + b"\n" * 200_000),
        ("a.csv.gz", gzip.compress(b"a,b\n", mtime=0)),
        ("a.tfrecord", b""),
        ("a.parquet", b""),
        ("a.parquet", pa.table({"a": pa.array([], pa.int64())})),
    ],
)
def test_file_without_rows_has_none(
    name: str, content: Any, write: Callable[..., str]
) -> None:
    head = head_of(write(name, content), settings_of(name.split(".")[1]))
    assert head.rows == 0
    assert not head.fault
    assert not head.has_rows


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.csv", b"\xff\xfea\x00\n\x00x\x00", "is text in UTF-16, expected CSV"),
        ("a.csv", b"\x1f\x8b\x08\n", "is a gzip, expected CSV. Name it with `.gz`"),
        ("a.csv", b"PAR1\x15\x04\n", "is a Parquet file, expected CSV. Set `data.fi"),
        ("a.csv", b'\x08\0\0,"\n1,2\n', "is no text, for its first line holds a zero"),
        ("a.csv", b"\na,b\n1,2\n", "its first line is empty, expected"),
        ("a.tfrecord", b"x" * 40, "is damaged: the record at byte 0"),
        ("a.parquet", b"x" * 40, "is damaged, or no Parquet file"),
    ],
)
def test_file_that_cannot_be_read_tells_why(
    name: str, content: Any, fault: str, write: Callable[..., str]
) -> None:
    head = head_of(write(name, content), settings_of(name.split(".")[1]))
    assert head.fault.startswith(fault)
    assert not head.has_rows


def test_file_that_is_away_tells_so() -> None:
    assert head_of("/absent.csv", settings_of("csv")).fault.startswith(
        "cannot be read: No such"
    )


@pytest.mark.parametrize("form", ["csv", "csv.gz", "tfrecord", "parquet"])
def test_rows_are_counted_up_to_enough(form: str, write: Callable[..., str]) -> None:
    files = [write(f"{name}.{form}", ROWS) for name in "ab"]
    settings = ReadSettings(form.removesuffix(".gz"), {})  # type: ignore[arg-type]
    assert rows_up_to(files, settings, 100) == 18
    assert rows_up_to(files, settings, 18) == 18
    assert rows_up_to(files, settings, 5) == 5
    assert rows_up_to([write(f"c.{form}", ROWS), "/absent"], settings, 100) == 9


def test_csv_without_a_last_line_end_has_its_last_row(
    write: Callable[..., str],
) -> None:
    file = write("a.csv", b"a\n1\n2")
    assert rows_up_to([file], ReadSettings("csv", {}), 9) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\tb\tc", "tabs"),
        ("a;b", "semicolons"),
        ("a|b", "`|`"),
        ("a::b::c", "`::`"),
        ("a\x01b", r"bytes \x01"),
    ],
)
def test_other_separators_are_recognized(text: str, words: str) -> None:
    said = unlike([text], text, [], ",")
    assert said.startswith(f"the header is one cell with {words} in it, {text!r}")


@pytest.mark.parametrize(
    ("there", "rows", "is_data"),
    [
        (["u1", "i1", "3.5"], [["u2", "i1", "4"]], True),
        (["1", "2"], [], True),
        (["-1e5", "x"], [], True),
        (["u1", "a", "b"], [["u2", "a", "b"]], True),
        (["u1", "a", "b"], [["u2", "a", "c"]], False),
        (["user", "item", "label"], [["u2", "i1", "1"]], False),
        (["user"], [["u1"]], False),
        (["user2", "v1.5"], [["u1", "x"]], False),
    ],
)
def test_rows_of_data_are_recognized(
    there: list[str], rows: list[list[str]], is_data: bool
) -> None:
    said = unlike(there, ",".join(there), rows, ",")
    assert said.startswith("has no header: its first line holds ") == is_data
    assert bool(said) == is_data
