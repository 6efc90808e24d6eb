"""Bad rows: a clear error, or left out, counted and reported."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
)
from shardline.components.readers.files.formats.csv import text as csv_text
from shardline.configs.column import Column
from shardline.configs.data import HeldOut

bad_rows = load(Path(__file__).with_name("bad_rows.py"))
GOOD, FORMATS = bad_rows.GOOD, bad_rows.FORMATS
REMEDY = bad_rows.REMEDY
SERIALIZED, settings_for = bad_rows.SERIALIZED, bad_rows.settings_for
skipping, read_all = bad_rows.skipping, bad_rows.read_all


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
        merged[1].merge(BadInput.from_json(sent))
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


def test_leftovers_are_told_once_and_are_no_fault() -> None:
    bad, other = BadInput(), BadInput()
    assert not bad
    for counted in (bad, other):
        counted.add_leftovers("2 files left out")
    bad.merge(other)
    assert bad
    assert bad.lines() == ["2 files left out"]
