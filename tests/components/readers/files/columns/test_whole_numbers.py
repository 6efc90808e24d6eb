"""Ids however a file holds them: the same number, or the same refusal."""

import dataclasses
import decimal
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Unit,
    read_unit,
)
from shardline.components.readers.files.columns.whole_numbers import (
    GOOD,
    INEXACT,
    LARGE,
    OTHER,
    whole_numbers,
)
from shardline.configs.column import Column

USER = Column("int64", optional=True)
MOST = 2**63 - 1


def settings_for(file: str, column: Column = USER) -> ReadSettings:
    return ReadSettings(file.rpartition(".")[2], {"user": column, "n": Column("int64")})


def users(file: str, settings: ReadSettings) -> tuple[list, list[str]]:
    """Users by row, and the words for those left out."""
    bad = BadInput("skip", "skip")
    skipping = dataclasses.replace(settings, on_bad_example="skip")
    rows = [
        row
        for _, batch in read_unit(Unit(file), skipping, bad)
        for row in batch.to_pylist()
    ]
    words = [said for first in bad.first.values() for _, _, said in first]
    words += [f"{name}: {fault}" for name, fault in bad.files.items()]
    return [row["user"] for row in sorted(rows, key=lambda row: row["n"])], words


def table(values: list, stored: pa.DataType) -> pa.Table:
    return pa.table({"user": pa.array(values, stored), "n": list(range(len(values)))})


WHOLE = [17.0, None, 3.0, -4.0, float("nan"), 0.0, 2.0**24 - 1]
EXPECTED = [[17], [], [3], [-4], [], [0], [2**24 - 1]]


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("a.csv", None),
        ("a.tfrecord", None),
        ("a.parquet", pa.float64()),
        ("a.parquet", pa.float32()),
        ("a.parquet", pa.decimal128(18, 0)),
        ("a.parquet", pa.decimal128(18, 2)),
        ("a.parquet", pa.int64()),
        ("a.parquet", pa.uint64()),
    ],
    ids=str,
)
def test_whole_numbers_are_ids_however_they_are_stored(
    name: str, stored: pa.DataType | None, write: Callable[..., str]
) -> None:
    values: list = WHOLE
    if stored is not None and not pa.types.is_floating(stored):
        values = [None if v is None or v != v else int(v) for v in values]
        if pa.types.is_decimal(stored):
            values = [None if v is None else decimal.Decimal(v) for v in values]
        if pa.types.is_uint64(stored):
            values[3] = 4
    content: Any = [{"user": v, "n": i} for i, v in enumerate(values)]
    file = write(name, content if stored is None else table(values, stored))
    expected = [*EXPECTED]
    if stored == pa.uint64():
        expected[3] = [4]
    assert users(file, settings_for(file)) == (expected, [])

    needed = settings_for(file, Column("int64"))
    assert users(file, needed)[0] == [ids for ids in expected if ids]
    with pytest.raises(BadInputError, match="column `user` has no value: one int64"):
        list(read_unit(Unit(file), needed, BadInput()))


@pytest.mark.parametrize("name", ["a.csv", "a.tfrecord", "a.parquet"])
def test_whole_floats_in_lists_are_ids(name: str, write: Callable[..., str]) -> None:
    rows = [{"user": [1.0, 2.0], "n": 0}, {"user": [], "n": 1}, {"user": [3.0], "n": 2}]
    file = write(name, rows)
    settings = settings_for(file, Column("int64", ragged=True))
    assert users(file, settings) == ([[1, 2], [], [3]], [])


@pytest.mark.parametrize("name", ["a.csv", "a.tfrecord", "a.parquet"])
def test_nan_among_ids_is_a_missing_value_among_others(
    name: str, write: Callable[..., str]
) -> None:
    file = write(name, [{"user": [1.0, float("nan")], "n": 0}, {"user": [2.0], "n": 1}])
    found, words = users(file, settings_for(file, Column("int64", ragged=True)))
    assert found == [[2]]
    assert "has a missing value among others: a list of 1 values and a null" in words[0]


def test_tf_examples_may_store_a_whole_number_in_either_way(
    write: Callable[..., str],
) -> None:
    values = [1, 2.0, None, 3, 2.5, 2**53 + 1, 4.0, float("nan"), 5]
    file = write("a.tfrecord", [{"user": v, "n": i} for i, v in enumerate(values)])
    found, words = users(file, settings_for(file))
    assert found == [[1], [2], [], [3], [2**53 + 1], [4], [], [5]]
    assert len(words) == 1
    assert "record 5: column `user` does not hold one int64: it holds 2.5." in words[0]


FRACTION = "it holds {}. Write whole numbers, or"
FLOATS = (
    "it holds {}, and whole numbers from {} on cannot be told apart as floats. Write "
    "them without a point, or as strings."
)
TOO_LARGE = f"it holds {{}}, and int64 ends at {MOST:,}. {{}}"
STRINGS = "Leave out `dtype`, to take them as strings."
REFUSED = [
    ("a.csv", "17.5", None, FRACTION.format("'17.5'")),
    ("a.tfrecord", 17.5, None, FRACTION.format("17.5")),
    ("a.parquet", 17.5, pa.float64(), FRACTION.format("17.5")),
    ("a.parquet", "17.50", pa.decimal128(9, 2), FRACTION.format("17.50")),
    ("a.csv", "inf", None, FRACTION.format("'inf'")),
    ("a.parquet", float("inf"), pa.float64(), FRACTION.format("inf")),
    ("a.csv", "9007199254740993.0", None,
     FLOATS.format("'9007199254740993.0'", "9,007,199,254,740,992")),
    ("a.csv", "1e17", None, FLOATS.format("'1e17'", "9,007,199,254,740,992")),
    ("a.parquet", 2.0**53, pa.float64(),
     FLOATS.format("9007199254740992.0", "9,007,199,254,740,992")),
    ("a.parquet", 2.0**24, pa.float32(), FLOATS.format("16777216.0", "16,777,216")),
    ("a.tfrecord", 2.0**24, None, FLOATS.format("16777216.0", "16,777,216")),
    ("a.csv", str(2**63), None, TOO_LARGE.format(f"'{2**63}'", STRINGS)),
    ("a.parquet", 2**63, pa.uint64(), TOO_LARGE.format(2**63, STRINGS)),
    ("a.parquet", str(2**63), pa.decimal128(20, 0),
     TOO_LARGE.format(f"{2**63}", STRINGS)),
    ("a.parquet", str(2**63), pa.decimal128(30, 2),
     TOO_LARGE.format(f"{2**63}.00", "Write them as strings.")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "stored", "message"), REFUSED, ids=str)
def test_other_numbers_are_refused_with_the_value(
    name: str,
    value: Any,
    stored: pa.DataType | None,
    message: str,
    write: Callable[..., str],
) -> None:
    if stored is not None and pa.types.is_decimal(stored):
        value = decimal.Decimal(value)
    good = {"a.csv": "1", "a.tfrecord": 1.0}.get(name, 1)
    values = [good, value, good]
    content: Any = [{"user": v, "n": i} for i, v in enumerate(values)]
    file = write(name, content if stored is None else table(values, stored))
    found, (words,) = users(file, settings_for(file))
    assert found == [[1], [1]]
    assert f"column `user` does not hold one int64: {message}" in words


def test_what_int64_cannot_hold_is_taken_as_strings(write: Callable[..., str]) -> None:
    """As the remedy says, and the same tokens in every format."""
    column = Column("string")
    values = [2**63, 5, 2**64 - 1]
    expected = [[str(value).encode()] for value in values]
    texts = [{"user": str(v), "n": i} for i, v in enumerate(values)]
    decimals = [decimal.Decimal(v) for v in values]
    for name, content in (
        ("a.csv", texts),
        ("a.tfrecord", texts),
        ("a.parquet", table(values, pa.uint64())),
        ("b.parquet", table(decimals, pa.decimal128(20, 0))),
    ):
        file = write(name, content)
        assert users(file, settings_for(file, column)) == (expected, [])


TEXTS = {
    "17": 17, "+5": 5, "-5": -5, "007": 7, " 7 ": 7, "\t7": 7, "17.0": 17, "17.": 17,
    "17.00": 17, "-0.0": 0, "1e3": 1000, "1E+05": 100_000, "1.5e1": 15,
    "9007199254740991.0": 2**53 - 1, "9007199254740993": 2**53 + 1,
    str(MOST): MOST, str(-MOST - 1): -MOST - 1, "nan": None, "NaN": None, "": None,
    "  ": None,
}  # fmt: skip
NO_NUMBERS = [
    "0x1", "0X1F", "-0x1", "1_000", "1 000", "1,000", "abc", "True", "--1", "1e",
    "e3", ".", "-", "٣", "17,0", "1e-3", "17.00000000000000000001", "1e-999999999",
    "Infinity",
]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_text_of_whole_numbers(order: int, write: Callable[..., str]) -> None:
    """Each text alone and beside others, which may take another way."""
    texts = list(TEXTS)[::order]
    lines = [f'"{text}",{i}' for i, text in enumerate(texts)]
    for some in ([line] for line in lines):
        file = write("a.csv", "\n".join(["user,n", *some]).encode())
        text = texts[int(some[0].rpartition(",")[2])]
        value = TEXTS[text]
        assert users(file, settings_for(file)) == (
            [[] if value is None else [value]],
            [],
        )
    file = write("a.csv", "\n".join(["user,n", *lines, "x,99"]).encode())
    expected = [[] if TEXTS[text] is None else [TEXTS[text]] for text in texts]
    found, words = users(file, settings_for(file))
    assert found == expected
    assert len(words) == 1


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_text_that_is_no_whole_number(text: str, write: Callable[..., str]) -> None:
    for others in ([], ["1"], ["1.0"], ["x"]):
        lines = [f'"{value}",{i}' for i, value in enumerate([*others, text])]
        file = write("a.csv", "\n".join(["user,n", *lines]).encode())
        found, words = users(file, settings_for(file))
        assert len(found) == len([other for other in others if other != "x"])
        shown = text if text.isascii() else ""
        assert any(f"does not hold one int64: it holds '{shown}" in w for w in words)


def test_codes_are_those_of_exact_decimals() -> None:
    """Against Python's decimals, digits and exponents by chance."""
    draw = random.Random(8)
    texts = []
    for _ in range(3000):
        digits = "".join(draw.choice("0123456789") for _ in range(draw.randint(1, 20)))
        text = draw.choice(["", "-", "+"]) + digits
        if draw.random() < 0.7:
            text += "." + draw.choice(["", "0", "00", digits])
        if draw.random() < 0.3:
            text += f"e{draw.randint(-25, 25)}"
        texts.append(text)
    whole, codes = whole_numbers(
        pa.array([text.encode() for text in texts], pa.large_binary()), is_text=True
    )
    for text, value, code in zip(texts, whole.to_pylist(), codes, strict=True):
        exact = decimal.Decimal(text)
        if "." in text or "e" in text:
            inexact = not -(2**53) < exact < 2**53
            expected = INEXACT if inexact else OTHER
        else:
            expected = LARGE
        if expected != INEXACT and exact == int(exact) and -MOST - 1 <= exact <= MOST:
            assert (value, code) == (int(exact), GOOD), text
        else:
            assert code == expected, text


@pytest.mark.parametrize(
    ("stored", "remedy"),
    [
        (pa.date32(), "Write it as strings."),
        (pa.timestamp("us"), "Write it as strings."),
        (pa.float64(), "`dtype: int64` takes whole numbers written so, too."),
        (pa.int64(), "Say the `dtype` that the file has, or write strings."),
        (pa.bool_(), "Say the `dtype` that the file has, or write strings."),
    ],
    ids=str,
)
def test_types_that_are_no_strings_are_refused_with_a_way_out(
    stored: pa.DataType, remedy: str, write: Callable[..., str]
) -> None:
    width = pa.int64() if stored == pa.timestamp("us") else pa.int32()
    values = pa.array([1, 0], width).cast(stored)
    file = write("a.parquet", pa.table({"user": values, "n": [0, 1]}))
    found, (words,) = users(file, settings_for(file, Column("string")))
    assert found == []
    assert f"`user` holds values of type {stored}, expected string" in words
    assert remedy in words
    if "`dtype: int64`" in remedy:
        assert users(file, settings_for(file)) == ([[1], [0]], [])


def test_floats_for_strings_in_tf_examples_have_a_way_out(
    write: Callable[..., str],
) -> None:
    file = write("a.tfrecord", [{"user": 17.0, "n": 0}])
    _, (words,) = users(file, settings_for(file, Column("string")))
    assert "Give `dtype: int64`, which takes whole floats, too" in words
    assert users(file, settings_for(file)) == ([[17]], [])
