"""Cells of CSV that hold lists: one rule for strings, numbers and weights."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from shardline.components.readers.files import BadInput, ReadSettings, Unit, read_unit
from shardline.configs.column import Column, Dtype
from shardline.configs.data import Files

SEPARATORS = ["|", ",", ", ", "||", " ", ";", "\t", " - ", "→", "\x01"]


def read(
    file: str, columns: dict[str, Column], **more: Any
) -> tuple[list[dict], dict[str, int], list[str]]:
    """Rows, what was left out by reason, and its first words."""
    bad = BadInput("skip")
    settings = ReadSettings("csv", columns, on_bad_example="skip", **more)
    batches = [batch for _, batch in read_unit(Unit(file), settings, bad)]
    rows = [row for batch in batches for row in batch.to_pylist()]
    words = [said for first in bad.first.values() for _, _, said in first]
    return rows, bad.rows, words


def of_python(cell: str, separator: str, *, strip: bool = True) -> list[str]:
    """The parts of a cell: an independent reference."""
    parts = cell.split(separator)
    parts = [part.strip(" \t\n\r\v\f") for part in parts] if strip else parts
    return [part for part in parts if part]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("dtype", ["string", "int64", "float"])
def test_parts_are_those_of_python(
    dtype: Dtype, separator: str, write: Callable[..., str]
) -> None:
    draw = random.Random(f"{dtype} {separator}")
    tokens = {"string": "a bc é".split(), "int64": "1 17 -3".split()}
    tokens["float"] = ["1.5", "2", "-3e1"]
    make = {"string": str.encode, "int64": int, "float": float}[dtype]
    parts = [*tokens[dtype], "", "", " ", "\t", f" {tokens[dtype][0]} ", separator]
    cells = [
        separator.join(draw.choice(parts) for _ in range(draw.randint(0, 5)))
        for _ in range(200)
    ]
    lines = [f'"{cell}",{i}' for i, cell in enumerate(cells)]
    file = write("a.csv", "\n".join(["ids,n", *lines]).encode())
    columns = {"ids": Column(dtype, ragged=True), "n": Column("int64")}
    rows, bad, _ = read(file, columns, list_separator=separator)
    assert not bad
    assert [row["ids"] for row in rows] == [
        [make(part) for part in of_python(cell, separator)] for cell in cells
    ]


def test_parts_that_are_not_stripped(write: Callable[..., str]) -> None:
    file = write("a.csv", b"ids,n,w\n a | |b||,  1 | 2, 0.5|\n")
    columns = {
        "ids": Column("string", ragged=True),
        "n": Column("int64", ragged=True),
        "w": Column("float", ragged=True),
    }
    rows, bad, _ = read(file, columns, list_strip=False)
    assert not bad
    assert rows == [{"ids": [b" a ", b" ", b"b"], "n": [1, 2], "w": [0.5]}]


def test_single_strings_keep_their_blanks(write: Callable[..., str]) -> None:
    file = write("a.csv", b"a,n\n x , 7 \n")
    assert read(file, {"a": Column("string"), "n": Column("int64")})[0] == [
        {"a": [b" x "], "n": [7]}
    ]


@pytest.mark.parametrize(
    ("ids", "weights", "expected"),
    [
        ("a|b|", "1|2", [(b"a", 1), (b"b", 2)]),
        ("a|b", "1|2|", [(b"a", 1), (b"b", 2)]),
        ("a||b", "1||2", [(b"a", 1), (b"b", 2)]),
        ("|a", " |1", [(b"a", 1)]),
        ("|", "", []),
        ("|", "||", []),
        ("a||b", "1|2|", "at place 2 the weight is '2' and the id nothing"),
        ("a|b", "1||2", "at place 2 the weight is nothing and the id 'b'"),
        ("|a", "1", "at place 1 the weight is '1' and the id nothing"),
        ("a||b", "1|2|3", "has not one weight for each id in column `ids`: 3"),
        (
            "a|",
            "1|2",
            "has not one weight for each id in column `ids`: 2 weights for 1",
        ),
    ],
)
def test_weights_stay_with_their_ids(
    ids: str, weights: str, expected: list | str, write: Callable[..., str]
) -> None:
    file = write("a.csv", f"ids,w\nx|y,3|4\n{ids},{weights}\nz,5\n".encode())
    columns = {"ids": Column("string", ragged=True), "w": Column("float", ragged=True)}
    rows, bad, words = read(file, columns, paired=(("w", "ids"),))
    pairs = [list(zip(row["ids"], row["w"], strict=True)) for row in rows]
    around = [[(b"x", 3), (b"y", 4)], [(b"z", 5)]]
    if isinstance(expected, str):
        assert pairs == around
        assert sum(bad.values()) == 1
        assert "line 3" in words[0]
        assert expected in words[0]
    else:
        assert pairs == [around[0], expected, around[1]]
        assert not bad


def test_weights_of_random_cells_are_those_of_their_places(
    write: Callable[..., str],
) -> None:
    draw = random.Random(4)
    lines, expected = [], []
    for i in range(300):
        ids = [draw.choice(["a", "b", ""]) for _ in range(draw.randint(1, 4))]
        weights = ["1" if part else "" for part in ids]
        if draw.random() < 0.3:
            weights[draw.randrange(len(weights))] = draw.choice(["", "2"])
        lines.append(f"{'|'.join(ids)},{'|'.join(weights)},{i}")
        if [bool(part) for part in ids] == [bool(part) for part in weights]:
            expected.append(i)
    file = write("a.csv", "\n".join(["ids,w,n", *lines]).encode())
    columns = {
        "ids": Column("string", ragged=True),
        "w": Column("float", ragged=True),
        "n": Column("int64"),
    }
    rows, bad, _ = read(file, columns, paired=(("w", "ids"),))
    assert [row["n"][0] for row in rows] == expected
    assert sum(bad.values()) == 300 - len(expected)


@pytest.mark.parametrize(
    ("separator", "message"),
    [
        ("", "is empty; give the characters between values"),
        ('"', "holds a quote or a line break"),
        ('|"', "holds a quote or a line break"),
        ("\n", "holds a quote or a line break"),
        (",\r", "holds a quote or a line break"),
    ],
)
def test_separator_that_cannot_be_is_refused(separator: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Files(format="csv", splits={"train": "a"}, list_separator=separator)
