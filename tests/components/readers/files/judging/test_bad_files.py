"""Bad files: a clear error, or left out from the fault on, and reported."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shardline_tests import load

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Tally,
    Unit,
    read_unit,
    refuse,
)
from shardline.components.readers.files.formats.csv import text as csv_text
from shardline.configs.column import Column
from shardline.configs.data import HeldOut

bad_rows = load(Path(__file__).with_name("bad_rows.py"))
COLUMNS, GOOD, FORMATS = bad_rows.COLUMNS, bad_rows.GOOD, bad_rows.FORMATS
FILE_REMEDY = bad_rows.FILE_REMEDY
settings_for = bad_rows.settings_for
skipping, read_all = bad_rows.skipping, bad_rows.read_all


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def _good(format_: str, rows: int = 40) -> tuple[str, list[dict]]:
    return f"a.{format_}", [GOOD | {"price": float(i)} for i in range(rows)]


DAMAGE = [
    ("tfrecord", lambda c: c[:-5], r"is cut off: the record at byte [\d,]+ is not wh"),
    ("tfrecord", lambda c: c + b"123", r"is cut off: the record at byte"),
    ("tfrecord", lambda c: _flipped(c, -30), r"is damaged: the record at byte [\d,]+"),
    ("tfrecord.gz", lambda c: c[:-12], r"its gzip is cut off after [\d,]+ bytes"),
    ("tfrecord.gz", lambda c: _flipped(c, -6), r"its gzip is damaged after [\d,]+"),
    ("tfrecord.gz", lambda c: c + b"more", r"its gzip is damaged after [\d,]+"),
    ("csv.gz", lambda c: c[:-12], r"its gzip is cut off after [\d,]+ bytes of"),
    ("csv.gz", lambda c: _flipped(c, -6), r"its gzip is damaged after [\d,]+ bytes"),
]


@pytest.mark.parametrize(("name", "harm", "message"), DAMAGE)
def test_rows_before_damage_are_used(
    name: str,
    harm: Callable[[bytes], bytes],
    message: str,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shardline.components.readers.files.streams._STEP_BYTES", 64)
    file = write(*_good(name))
    write(f"a.{name}", harm(Path(file).read_bytes()))
    settings = settings_for(name.removesuffix(".gz"))
    with pytest.raises(BadInputError, match=rf"a\.{name}: {message}{FILE_REMEDY}"):
        read_all(file, settings)
    found, counted = skipping(file, settings)
    prices = [row["price"][0] for row in found]
    assert prices == list(range(len(prices)))
    assert 30 <= len(prices) <= 40
    assert list(counted.files) == [file]
    assert not counted.rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tfrecord", b"user,tags\nsome text that is no record at all\n",
         r"is damaged: the record at byte 0 .*Or it is no TFRecord file, or a gzip"),
        ("a.tfrecord.gz", b"no gzip", r"is not a gzip, as its name says. Write it"),
        ("a.csv.gz", b"user,tags\n", r"is not a gzip, as its name says. Write it"),
        ("a.csv", b"user;tags;age\nx;y;1\n",
         r"the header is one cell with semicolons in it, 'user;tags;age'; cells are "),
        ("a.csv", b"x,y,1\nx,z,2\n",
         r"has no header: its first line holds '1', as rows of data do. Name all co"),
        ("a.csv", b"user,tags,weights,age,price,label,age\n1,2,3,4,5,6,7\n",
         r"its header names 2 columns `age`, expected one"),
        ("a.csv", b"user," + b"x" * 200_000 + b"\nx,y\n",
         r"its header line cannot be parsed as CSV: field larger than .* Write one"),
        ("a.csv", b"\x1f\x8b\x08\xff\n1\n", r"is a gzip, expected CSV. Name it with"),
        ("a.parquet", b"user,tags\nx,y\n" * 9, r"is damaged, or no Parquet file: .*"),
        ("a.parquet", [{"user": "x", "tags": ["y"]}],
         r"has 0 columns `weights`, expected one; its columns are `user`, `tags`. C"),
        ("a.parquet", [GOOD | {"age": "7"}],
         r"its column `age` holds values of type string, expected int64. Say the `dty"),
        ("a.parquet", [GOOD | {"age": {"is": 7.5}}],
         r"its column `age` holds values of type struct<is: double>, expected int64"),
        ("a.parquet", [GOOD | {"user": 7}],
         r"its column `user` holds values of type int64, expected string. Say the `dt"),
        ("a.parquet", [GOOD | {"user": {"id": 7}}],
         r"its column `user` holds values of type struct<id: int64>, expected string"),
    ],
)  # fmt: skip
def test_bad_file_is_an_error_or_left_out(
    name: str, content: Any, message: str, write: Callable[..., str]
) -> None:
    file = write(name, content)
    settings = settings_for(name.removesuffix(".gz").rpartition(".")[2])
    with pytest.raises(BadInputError, match=rf"{name}: {message}.*{FILE_REMEDY}"):
        read_all(file, settings)
    found, counted = skipping(file, settings)
    assert found == []
    assert list(counted.files) == [file]


NO_ROWS = [
    ("a.tfrecord", b""),
    ("a.tfrecord.gz", gzip.compress(b"", mtime=0)),
    ("a.tfrecord.gz", b""),
    ("a.csv", b""),
    ("a.csv", b"\n\r\n"),
    ("a.csv", b"\xef\xbb\xbf"),
    ("a.csv", b"user,tags,weights,age,price,label\n\n"),
    ("a.csv", b"user,tags,weights,age,price,label"),
    ("a.csv", b"of,another,kind\n"),
    ("a.csv.gz", gzip.compress(b"user,tags\n", mtime=0)),
    ("a.parquet", b""),
    ("a.parquet", pa.table({n: [] for n in COLUMNS})),
    ("a.parquet", pa.table({})),
]


@pytest.mark.parametrize(("name", "content"), NO_ROWS)
def test_file_without_rows_is_left_out_whatever_is_asked(
    name: str, content: Any, write: Callable[..., str]
) -> None:
    file = write(name, content)
    settings = settings_for(name.removesuffix(".gz").rpartition(".")[2])
    bad, tally = BadInput(), Tally()
    assert list(read_unit(Unit(file), settings, bad, tally=tally)) == []
    assert bad.empty == [file]
    assert bad.lines() == ["1 file without rows left out", f"  {file}"]
    assert tally == Tally(stored={file: 0}, left_out={file: 0})
    with pytest.raises(BadInputError, match=r"Split 'train' has no row in 1 file\. Co"):
        refuse(tally, bad, {"train": [file]}, settings)


@pytest.mark.parametrize("parts", [1, 3])
def test_row_groups_beside_a_damaged_one_are_used(
    parts: int, write: Callable[..., str]
) -> None:
    rows = [{"price": float(i)} for i in range(40)]
    file = write("a.parquet", rows)
    metadata = pq.ParquetFile(file, pre_buffer=False).metadata
    place = metadata.row_group(3).column(0).data_page_offset
    write("a.parquet", _flipped(Path(file).read_bytes(), place))
    settings = ReadSettings("parquet", {"price": Column("float")})
    with pytest.raises(BadInputError, match=r"a\.parquet: is damaged, or no Parquet"):
        read_all(file, settings)
    prices = []
    counted = BadInput("skip", "skip")
    for part in range(parts):
        found, bad = skipping(file, settings, part=part, parts=parts)
        prices += [row["price"][0] for row in found]
        counted.merge(bad)
    assert sorted(prices) == [i for i in range(40) if not 15 <= i < 20]
    assert list(counted.files) == [file]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"column": "age", "at_least": "late"},
         r"its column `age` holds int64, and `data.files.held_out.eval.at_least` is "
         r"the text 'late'. Give a number"),
        ({"column": "age", "at_least": "2024-01-01"},
         r"its column `age` holds int64, and `.*eval.at_least` is the date or time "
         r"'2024-01-01'. Give a number, such as 1704067200 if the column counts "
         r"seconds since 1970, or 1704067200000 if milliseconds."),
        ({"column": "day", "at_least": 5},
         r"its column `day` holds date32\[day\], and `.*eval.at_least` is a number. "
         r'Give a date or time between quotes, such as "2024-09-30".'),
        ({"column": "day", "at_least": "12:30"},
         r"its column `day` holds date32\[day\], and `.*` is the time of day '12:30'. "
         r"Give a date or time"),
        ({"column": "pair", "fraction": 0.5},
         r"its column `pair` holds struct<a: int64>, and `.*held_out.eval.fraction` "
         r"draws by single values. Name a column of text, numbers"),
        ({"column": "pair", "at_least": 5},
         r"its column `pair` holds struct<a: int64>, and `.*` is a number. Name a"),
        ({"column": "pairs", "fraction": 0.5},
         r"its column `pairs` holds struct<a: int64>, and `.*fraction` draws by"),
        ({"column": "map", "fraction": 0.5},
         r"its column `map` holds map<string, int64.*>, and `.*fraction` draws by"),
        ({"column": "none", "fraction": 0.5},
         r"its column `none` holds nulls only, and tells split `eval`. Name another"),
        ({"column": "ages", "fraction": 0.5},
         r"row 1: column `ages` has not one value to tell split `eval` by: it has 2"),
        ({"column": "span", "at_least": 5},
         r"its column `span` holds duration\[s\], and `.*` is a number. Name a column"),
    ],
)  # fmt: skip
def test_split_by_a_column_of_another_type_is_an_error(
    rule: dict, message: str, write: Callable[..., str]
) -> None:
    table = pa.table(
        {
            "age": [1],
            "ages": [[1, 2]],
            "day": pa.array([1], pa.int32()).cast(pa.date32()),
            "pair": [{"a": 1}],
            "pairs": [[{"a": 1}]],
            "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
            "none": pa.nulls(1),
            "span": pa.array([1], pa.duration("s")),
        }
    )
    settings = ReadSettings(
        "parquet", {"age": Column("int64")}, held_out={"eval": HeldOut(**rule)}
    )
    with pytest.raises(BadInputError, match=rf"a.parquet[:,] {message}"):
        read_all(write("a.parquet", table), settings)


def test_rows_without_anything_to_split_by_are_left_out(
    write: Callable[..., str],
) -> None:
    file = write("a.csv", b"n,day\n1,\n2,\n")
    settings = ReadSettings(
        "csv",
        {"n": Column("int64")},
        held_out={"eval": HeldOut(column="day", fraction=0.5)},
    )
    found, counted = skipping(file, settings)
    assert found == []
    assert list(counted.rows.values()) == [2]


@pytest.mark.parametrize("format_", FORMATS)
def test_unreadable_place_is_an_error_or_left_out(
    format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = str(tmp_path / f"none.{format_}")
    folder = tmp_path / f"folder.{format_}"
    folder.mkdir()
    settings = settings_for(format_)
    for file, words in ((missing, "No such file"), (str(folder), "Is a directory")):
        with pytest.raises(
            BadInputError,
            match=rf"{file}: cannot be read: {words}.*may read.{FILE_REMEDY}",
        ):
            read_all(file, settings)
        assert list(skipping(file, settings)[1].files) == [file]

    def refuse(*_: Any) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(BadInputError, match="cannot be read: Permission denied"):
        read_all(missing, settings)


def test_file_that_fails_while_it_is_read_is_an_error(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        def __enter__(self) -> "Failing":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, _: int) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(
        "shardline.components.readers.files.streams.opened", lambda _: Failing()
    )
    for name in ("a.csv", "a.csv.gz", "a.tfrecord"):
        settings = settings_for(name.removesuffix(".gz")[2:])
        with pytest.raises(BadInputError, match="cannot be read: Input/output error"):
            read_all(name, settings)


def test_uneven_row_that_is_not_utf8_is_left_out(write: Callable[..., str]) -> None:
    file = write("a.csv", b"a,b\ncaf\xe9\nx,\xe9\nx,\xc3\xa9\n")
    columns = {"a": Column("string"), "b": Column("string")}
    found, counted = skipping(file, ReadSettings("csv", columns))
    assert found == [{"a": [b"x"], "b": ["é".encode()]}]
    assert sorted(counted.rows) == [
        "a row has not the header's 2 cells",
        "column `b` does not hold strings in UTF-8",
    ]
    assert counted.first["column `b` does not hold strings in UTF-8"][0][1] == 3


def test_text_that_the_parser_refuses_is_an_error(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise pa.ArrowInvalid("no CSV")

    monkeypatch.setattr("pyarrow.csv.read_csv", refuse)
    settings = ReadSettings("csv", {"a": Column("int64")})
    with pytest.raises(BadInputError, match=r"a.csv: cannot be parsed as CSV: no CSV"):
        read_all(write("a.csv", b"a\n1\n"), settings)


def test_endless_line_is_an_error(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_text, "MOST_ROW_BYTES", 1 << 21)
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", 1 << 16)
    file = write("a.csv", b"a\n1\n" + b"x" * (1 << 23))
    settings = ReadSettings("csv", {"a": Column("int64")})
    with pytest.raises(BadInputError, match="line 3 has no end within 2,097,152 bytes"):
        read_all(file, settings)
    assert skipping(file, settings)[0] == [{"a": [1]}]
