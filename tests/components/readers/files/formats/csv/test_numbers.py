"""Numbers with a decimal comma or marks between thousands, against Python's Decimal."""

import itertools
import random
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Unit,
    read_unit,
)
from shardline.components.readers.files.formats.csv.numbers import plain_numbers
from shardline.configs.column import Column
from shardline.configs.data import HeldOut
from shardline.configs.dialect import Dialect

PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
BLANKS = " \u00a0\u2009\u202f"
MARKS = [
    (decimal, thousands)
    for decimal, thousands in itertools.product(
        ".,;", [None, ".", ",", "_", *BLANKS, "'", "\u2019"]
    )
    if decimal != thousands and (decimal, thousands) != (".", None)
]


def meant(text: str, decimal: str, thousands: str | None) -> Decimal | None:
    """What text means, one character after the other: an independent reference."""
    marks = next((b for b in (BLANKS, "'\u2019") if thousands and thousands in b), "")
    marks = marks or thousands or ""
    body, _, exponent = text.replace("E", "e").partition("e")
    if "e" in text.lower() and not re.fullmatch(r"[+-]?[0-9]+", exponent):
        return None
    sign, body = (body[0], body[1:]) if body[:1] in ("+", "-") else ("", body)
    whole, _, fraction = body.partition(decimal)
    groups = "".join("|" if c in marks else c for c in whole).split("|")
    is_grouped = len(groups) > 1
    if is_grouped and not (
        1 <= len(groups[0]) <= 3
        and groups[0][0] != "0"
        and all(len(group) == 3 for group in groups[1:])
    ):
        return None
    digits = "".join(groups) + fraction
    if not (digits.isascii() and digits.isdigit()):
        return None
    exponent = f"e{exponent}" if exponent else ""
    return Decimal(f"{sign}{''.join(groups) or '0'}.{fraction or '0'}{exponent}")


@pytest.mark.parametrize(("decimal", "thousands"), MARKS)
def test_numbers_are_those_of_the_reference(
    decimal: str, thousands: str | None
) -> None:
    draw = random.Random(f"{decimal} {thousands}")
    dialect = Dialect(decimal=decimal, thousands=thousands)
    pieces = [*"0123456789", *"123", decimal, thousands or decimal, ".", ",", " ", "'"]
    pieces += ["123", "000", f"{thousands or ''}456", "-", "+", "e2", "\u00a0"]
    texts = ["".join(draw.choices(pieces, k=draw.randint(1, 6))) for _ in range(4000)]
    texts = [text.strip(" ") for text in texts]
    values = pa.array([None, *(text.encode() for text in texts)], pa.large_binary())
    numbers = plain_numbers(values, dialect)
    assert numbers.values[0].as_py() is None
    unfit = set((numbers.unfit - 1).tolist())
    plain = numbers.values.to_pylist()[1:]
    good = 0
    for i, text in enumerate(texts):
        expected = meant(text, decimal, thousands)
        if expected is None:
            assert plain[i] == text.encode()
            is_taken = PLAIN.fullmatch(text) is not None  # by a reader of plain ones
            assert i in unfit or not is_taken, text
        else:
            assert i not in unfit
            assert Decimal(plain[i].decode()) == expected, text
            good += 1
    assert 200 < good < 3800


def read(file: str, columns: dict[str, Column], **more: Any) -> tuple[list, BadInput]:
    bad = BadInput("skip")
    settings = ReadSettings("csv", columns, on_bad_example="skip", **more)
    batches = [batch for _, batch in read_unit(Unit(file), settings, bad)]
    return [row for batch in batches for row in batch.to_pylist()], bad


GERMAN = Dialect(delimiter=";", decimal=",", thousands=".", missing=("NA", "-"))


def test_cells_and_lists_hold_the_numbers_that_are_meant(
    write: Callable[..., str],
) -> None:
    file = write(
        "a.csv",
        b"price;views;many;ids;name\n"
        b"1.234,56; 17 ;1,5|NA|2.000|-0,25;1.000|2;1.234,5\n"
        b"NA; - ;NA;;-\n"
        b"-,5;9.007.199.254.740.993;;9.223.372.036.854.775.807;x\n"
        b"3e2;17,0;+7;5|-|;NA NA\n",
    )
    columns = {
        "price": Column("float", optional=True),
        "views": Column("int64", optional=True),
        "many": Column("float", ragged=True),
        "ids": Column("int64", ragged=True),
        "name": Column("string", optional=True),
    }
    rows, bad = read(file, columns, dialect=GERMAN)
    assert not bad.rows
    price, views, many, ids, name = ([row[n] for row in rows] for n in columns)
    assert price == [[np.float32(1234.56)], [], [-0.5], [300.0]]
    assert views == [[17], [], [9007199254740993], [17]]
    assert many == [[1.5, 2000.0, -0.25], [], [], [7.0]]
    assert ids == [[1000, 2], [], [9223372036854775807], [5]]
    assert name == [[b"1.234,5"], [], [b"x"], [b"NA NA"]]


@pytest.mark.parametrize(
    ("cell", "dialect", "example"),
    [
        ("1.5", GERMAN, "1.234,5"),
        ("0.123", GERMAN, "1.234,5"),
        ("12.34,5", GERMAN, "1.234,5"),
        ("1.2345", GERMAN, "1.234,5"),
        ("1.5", Dialect(delimiter=";", decimal=","), "1234,5"),
        ("1,234", Dialect(delimiter=";", thousands=" "), "1 234.5"),
        ("1_000", Dialect(delimiter=";", thousands=","), "1,234.5"),
    ],
)
@pytest.mark.parametrize("dtype", ["float", "int64"])
@pytest.mark.parametrize("is_list", [False, True])
def test_number_of_another_dialect_is_a_bad_row(
    cell: str,
    dialect: Dialect,
    example: str,
    dtype: Any,
    is_list: bool,
    write: Callable[..., str],
) -> None:
    more = f"{cell}|7" if is_list else cell
    file = write("a.csv", f"n;x\n7;x\n{more};y\n8;z\n".encode())
    columns = {"n": Column(dtype, ragged=is_list), "x": Column("string")}
    rows, bad = read(file, columns, dialect=dialect)
    assert [row["x"] for row in rows] == [[b"x"], [b"z"]]
    ((reason, (first,)),) = bad.first.items()
    assert reason == (
        "column `n` does not hold numbers as `data.files.dialect` says they are written"
    )
    assert first[1] == 3
    assert f"it holds '{cell}'. Write them as \"{example}\"" in first[2].replace(
        f"'{example}'", f'"{example}"'
    )


@pytest.mark.parametrize("is_feature", [False, True])
def test_splits_compare_numbers_as_they_are_meant(
    is_feature: bool, write: Callable[..., str]
) -> None:
    cells = ["999,9", "1.000,5", "1.000", "2000,0", "NA", "1000.5"]
    file = write("a.csv", "\n".join(["n;x", *(f"{c};{c}" for c in cells)]).encode())
    columns = {"x": Column("string")}
    if is_feature:
        columns["n"] = Column("string", optional=True)
    settings = ReadSettings(
        "csv",
        columns,
        dialect=GERMAN,
        on_bad_example="skip",
        held_out={"eval": HeldOut(column="n", at_least=1000.25)},
    )
    bad = BadInput("skip")
    taken: dict[str, list[bytes]] = {}
    for split, batch in read_unit(Unit(file), settings, bad):
        taken.setdefault(split, []).extend(batch.column("x").flatten().to_pylist())
        if is_feature:  # which takes its text as it is
            assert batch.column("n") == batch.column("x")
    assert taken == {"train": [b"999,9", b"1.000"], "eval": [b"1.000,5", b"2000,0"]}
    assert sum(bad.rows.values()) == 2


def test_draw_by_a_column_does_not_depend_on_what_reads_it(
    write: Callable[..., str],
) -> None:
    numbers = [f"{n // 10}.{n:03},{n % 10}" if n > 9 else f"{n},50" for n in range(200)]
    text = "\n".join(["n;x", *(f"{n};{i}" for i, n in enumerate(numbers))])
    file = write("a.csv", text.encode())
    drawn = []
    for dtype in (None, "string", "float"):
        columns = {"x": Column("string")}
        if dtype:
            columns["n"] = Column(dtype)  # type: ignore[arg-type]
        settings = ReadSettings(
            "csv",
            columns,
            dialect=GERMAN,
            held_out={"eval": HeldOut(column="n", fraction=0.5)},
        )
        rows: dict[str, list[bytes]] = {}
        for split, batch in read_unit(Unit(file), settings, BadInput()):
            rows.setdefault(split, []).extend(batch.column("x").flatten().to_pylist())
        drawn.append(rows)

    assert drawn[0] == drawn[1] == drawn[2]
    assert 60 < len(drawn[0]["eval"]) < 140


def test_plain_dialect_refuses_decimal_commas(write: Callable[..., str]) -> None:
    file = write("a.csv", b"n;x\n1,5;x\n")
    settings = ReadSettings(
        "csv", {"n": Column("float")}, dialect=Dialect(delimiter=";")
    )
    with pytest.raises(BadInputError, match="does not hold one float: it holds '1,5'"):
        list(read_unit(Unit(file), settings, BadInput()))
