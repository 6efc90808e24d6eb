"""Every kind of bad input: a clear error, or left out, counted and told of."""

import dataclasses
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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

COLUMNS = {
    "user": Column("string"),
    "tags": Column("string", ragged=True),
    "weights": Column("float", ragged=True),
    "age": Column("int64", optional=True),
    "price": Column("float"),
    "label": Column("float"),
}
GOOD = {
    "user": "u",
    "tags": ["a", "b"],
    "weights": [0.5, 1.5],
    "age": 7,
    "price": 2.5,
    "label": 1.0,
    "at": 3,
}
FORMATS = ["tfrecord", "csv", "parquet"]
REMEDY = r".*Or set `data\.files\.on_bad_example: skip`, to leave"
FILE_REMEDY = r".*Or set `data\.files\.on_bad_file: skip`, to leave"
SERIALIZED = b"\xff\xfftext"


def settings_for(format_: str, **more: Any) -> ReadSettings:
    told = {"paired": (("weights", "tags"),), "label": "label"} | more
    return ReadSettings(format_, told.pop("columns", COLUMNS), **told)


def skipping(
    file: str, settings: ReadSettings, **unit: int
) -> tuple[list[dict], BadInput]:
    """Rows of a file and what was left out, the same twice."""
    found = []
    for _ in range(2):
        bad = BadInput("skip", "skip")
        read = read_unit(
            Unit(file, **unit),
            dataclasses.replace(settings, on_bad_example="skip", on_bad_file="skip"),
            bad,
            batch_rows=4,
        )
        found.append(([row for _, batch in read for row in batch.to_pylist()], bad))
    assert repr(found[0]) == repr(found[1])
    return found[0]


def read_all(file: str, settings: ReadSettings) -> list:
    return list(read_unit(Unit(file), settings, BadInput()))


# Bad rows

BAD_ROWS = [
    pytest.param(
        {"user": None},
        FORMATS,
        r"column `user` has no value: one string is expected. Give .* a `default`",
        id="missing",
    ),
    pytest.param(
        {"user": b"\xff\xfe"},
        ["tfrecord", "parquet"],
        r"column `user` does not hold strings in UTF-8: it holds '\\xff\\xfe'. Write",
        id="not UTF-8",
    ),
    pytest.param(
        {"tags": [b"a", b"caf\xe9"]},
        ["tfrecord", "parquet"],
        r"column `tags` does not hold strings in UTF-8: it holds 'caf\\xe9'. Write",
        id="not UTF-8 in a list",
    ),
    pytest.param(
        {"age": "seven"},
        ["csv"],
        r"column `age` does not hold one int64: it holds 'seven'. Write whole numbers",
        id="text for a whole number",
    ),
    pytest.param(
        {"age": 1.5},
        ["csv"],
        r"column `age` does not hold one int64: it holds '1.5'. Write whole",
        id="fraction for a whole number",
    ),
    pytest.param(
        {"age": 2**63},
        ["csv"],
        r"column `age` does not hold one int64: it holds '9223372036854775808'",
        id="too large",
    ),
    pytest.param(
        {"weights": [0.5, "x"]},
        ["csv"],
        r"column `weights` does not hold float values: it holds 'x'. Write numbers",
        id="text in a list of numbers",
    ),
    pytest.param(
        {"price": float("inf")},
        FORMATS,
        r"column `price` holds an infinite number: it holds '?inf'?\. Write numb",
        id="infinity",
    ),
    pytest.param(
        {"weights": [0.5, float("-inf")]},
        FORMATS,
        r"column `weights` holds an infinite number: it holds '?-inf'?\. Write",
        id="infinity in a list",
    ),
    pytest.param(
        {"weights": [0.5, float("nan")]},
        FORMATS,
        r"column `weights` has no number: it holds NaN. Write a value, or leave it out "
        r"with the id or weight that belongs to it",
        id="NaN in a list",
    ),
    pytest.param(
        {"price": float("nan")},
        FORMATS,
        r"column `price` has no number: it holds NaN. Give the number `missing`",
        id="NaN",
    ),
    pytest.param(
        {"weights": [0.5]},
        FORMATS,
        r"column `weights` has not one weight for each id in column `tags`: 1 weights "
        r"for 2 ids. Write as many",
        id="weights of another length",
    ),
    pytest.param(
        {"label": 3.0},
        FORMATS,
        r"label `label` is neither 0 nor 1: it is 3.0. Correct .*`data.files.positive_",
        id="label",
    ),
    pytest.param(
        {"tags": ["t"] * 11, "weights": [1.0] * 11},
        FORMATS,
        r"column `tags` has more than 10 values: it has 11. .*`data.files.max_values`",
        id="too many values",
    ),
    pytest.param(
        {"price": [1.0, 2.0]},
        ["tfrecord"],
        r"column `price` holds several values where one float is expected: it holds 2. "
        r"Give the feature `combiner`",
        id="several values",
    ),
    pytest.param(
        {"age": "seven"},
        ["tfrecord"],
        r"column `age` does not hold int64 values: it holds string values. Say the `dt",
        id="another kind",
    ),
    pytest.param(
        SERIALIZED,
        ["tfrecord"],
        r"is no tf.Example: 6 bytes, the first b'\\xff\\xfftext'. Write",
        id="no tf.Example",
    ),
    pytest.param(
        {"tags": [None, "x"]},
        ["parquet"],
        r"column `tags` has a missing value among others: a list of 1 values and a",
        id="null in a list",
    ),
    pytest.param(
        {"at": None},
        FORMATS,
        r"column `at` has not one value to tell split `eval` by: it has 0. Name an",
        id="nothing to split by",
    ),
    pytest.param(
        {"at": "soon"},
        ["csv"],
        r"column `at` does not hold the number that split `eval` asks for: it holds "
        r"'soon'. Correct it, or `data.files.held_out.eval`",
        id="no number to split by",
    ),
]
CASES = [
    pytest.param(bad, format_, message, id=f"{case.id}, {format_}")
    for case in BAD_ROWS
    for bad, formats, message in [case.values]
    for format_ in formats
]
NUMBERED = {"tfrecord": "record 8", "csv": "line 9", "parquet": "row 8"}


@pytest.mark.parametrize(("bad", "format_", "message"), CASES)
def test_bad_row_is_an_error_or_left_out(
    bad: dict | bytes, format_: str, message: str, write: Callable[..., str]
) -> None:
    good = [GOOD | {"price": float(i)} for i in range(10)]
    rows: list = [*good]
    rows[7] = bad if isinstance(bad, bytes) else GOOD | bad
    if format_ == "parquet":
        rows = [{n: _bytes(v) for n, v in row.items()} for row in rows]
    file = write(f"a.{format_}", rows)
    settings = settings_for(
        format_,
        max_values=10,
        held_out={"eval": HeldOut(column="at", at_least=9)},
    )
    with pytest.raises(
        BadInputError, match=rf"a\.{format_}, {NUMBERED[format_]}: {message}{REMEDY}"
    ):
        read_all(file, settings)

    found, counted = skipping(file, settings)
    assert [row["price"][0] for row in found] == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    assert list(counted.rows.values()) == [1]
    assert not counted.files
    parts = [skipping(file, settings, part=part, parts=3)[1] for part in range(3)]
    assert [count for part in parts for count in part.rows.values()] == [1]


def _bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_bytes(v) for v in value]
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,x,z", r"a row has not the header's 2 cells: it has 3. Write as many"),
        ("1", r"a row has not the header's 2 cells: it has 1. Write as many"),
        ('1,"x', r"a quote is not closed: '1,\"x'. Close it"),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_bad_line_of_csv_is_an_error_or_left_out(
    line: str,
    message: str,
    chunk_bytes: int,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", chunk_bytes)
    text = f'a,b\n1,"x,\ny"\n\n{line}\n3,z\n4,"w"\n'
    file = write("a.csv", text.encode())
    columns = {"a": Column("int64"), "b": Column("string")}
    settings = ReadSettings("csv", columns)
    with pytest.raises(BadInputError, match=rf"a\.csv, line 5: {message}{REMEDY}"):
        read_all(file, settings)
    found, counted = skipping(file, settings)
    assert [row["a"] for row in found] == [[1], [3], [4]]
    assert list(counted.rows.values()) == [1]


def test_bad_rows_after_bad_rows_have_their_own_lines(
    write: Callable[..., str],
) -> None:
    file = write("a.csv", b"a\n1\n2,2\n3\nx\n4,4\ny\n")
    _, counted = skipping(file, ReadSettings("csv", {"a": Column("int64")}))
    lines = {number for first in counted.first.values() for _, number, _ in first}
    assert lines == {3, 5, 6, 7}


@pytest.mark.parametrize("format_", FORMATS)
def test_row_of_a_million_ids_is_left_out(
    format_: str, write: Callable[..., str]
) -> None:
    rows = [{"ids": [i]} for i in range(9)]
    rows[4] = {"ids": [7] * 1_000_000}
    file = write(f"a.{format_}", rows)
    settings = ReadSettings(format_, {"ids": Column("int64", ragged=True)})
    with pytest.raises(BadInputError, match="more than 100,000 values: it has 1,000,0"):
        read_all(file, settings)
    found, counted = skipping(file, settings)
    assert [row["ids"] for row in found] == [[i] for i in range(9) if i != 4]
    assert counted.rows == {"column `ids` has more than 100,000 values": 1}


def test_row_with_several_faults_counts_once(write: Callable[..., str]) -> None:
    bad = GOOD | {"user": None, "price": "x", "label": 5}
    _, counted = skipping(write("a.csv", [bad, GOOD]), settings_for("csv"))
    assert list(counted.rows.values()) == [1]


def test_files_of_bad_rows_only_give_nothing(write: Callable[..., str]) -> None:
    file = write("a.tfrecord", [SERIALIZED] * 20)
    found, counted = skipping(file, settings_for("tfrecord"))
    assert found == []
    assert counted.rows == {"is no tf.Example": 20}
    assert len(counted.first["is no tf.Example"]) == 3


# Bad files


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
         r"has no header: its first line holds '1', as rows of data do. Write a line"),
        ("a.csv", b"user,tags,weights,age,price,label,age\n1,2,3,4,5,6,7\n",
         r"its header names 2 columns `age`, expected one"),
        ("a.csv", b"user,tags\rx,y\rx,y\r",
         r"its header line cannot be parsed as CSV: new-line character .* Write one"),
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


# Counting


def test_counts_render_to_readable_lines(write: Callable[..., str]) -> None:
    rows = [GOOD | {"age": "x"}] * 5 + [GOOD, GOOD | {"label": 7}]
    file = write("a.csv", rows)
    _, counted = skipping(file, settings_for("csv"))
    counted.add_file("b.csv", "is damaged.")
    counted.add_empty("c.csv")
    lines = [line.replace(file, "a.csv") for line in counted.lines()]
    assert lines == [
        "5 examples left out: column `age` does not hold one int64",
        *(
            f"  a.csv, line {n}: column `age` does not hold one int64: it holds 'x'. "
            "Write whole numbers, or give the feature another `dtype`."
            for n in (2, 3, 4)
        ),
        "1 example left out: label `label` is neither 0 nor 1",
        "  a.csv, line 8: label `label` is neither 0 nor 1: it is 7.0. Correct it, or "
        "give `data.files.positive_from`, from which on it is 1.",
        "1 file bad, left out from the fault on",
        "  b.csv: is damaged.",
        "1 file without rows left out",
        "  c.csv",
    ]
    assert counted
    assert not BadInput().lines()


def test_counts_merge_to_the_same_in_any_order() -> None:
    parts = []
    for part in range(4):
        bad = BadInput("skip", "skip")
        bad.add("why", 2, [("a", 10 - part, "words"), ("a", 20 - part, "words")])
        bad.add_file("b", "damaged")
        bad.add_empty(f"e{part % 2}")
        parts.append(bad)
    merged = [BadInput("skip", "skip"), BadInput("skip", "skip")]
    for part in parts:
        merged[0].merge(part)
        # As workers may send it.
        sent = json.loads(json.dumps(dataclasses.asdict(parts[3 - parts.index(part)])))
        merged[1].merge(BadInput(**sent))
    assert merged[0] == merged[1]
    assert merged[0].rows == {"why": 8}
    assert [number for _, number, _ in merged[0].first["why"]] == [7, 8, 9]
    assert merged[0].files == {"b": "damaged"}
    assert merged[0].empty == ["e0", "e1"]


def test_merging_into_errors_raises() -> None:
    bad = BadInput("skip")
    bad.add("why", 1, [("a", 1, "a, line 1: why.")])
    with pytest.raises(BadInputError, match=r"a, line 1: why. Or set `data"):
        BadInput().merge(bad)


def test_row_whose_cross_is_too_large_is_left_out(write: Callable[..., str]) -> None:
    file = write("a.csv", b"a,b\n1|2|3,1|2|3\n1|2,1|2\n")
    lists = {name: Column("int64", ragged=True) for name in "ab"}
    settings = ReadSettings("csv", lists, crossed=(("a", "b"),), max_values=5)

    with pytest.raises(BadInputError, match="cross to more than 5 pairs: it has 9"):
        read_all(file, settings)
    found, counted = skipping(file, settings)

    assert found == [{"a": [1, 2], "b": [1, 2]}]
    assert list(counted.rows.values()) == [1]
