"""Guesses are right for what Python's csv writes, and never an error."""

import collections
import random
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.readers.files.formats.csv.guessing.dialects import (
    Guess,
    differences,
    guess_dialect,
)

written_csv = load(Path(__file__).with_name("written_csv.py"))


def faults(written: "written_csv.Written") -> list[str]:
    """Returns what a guess has wrong."""
    guess = guess_dialect(written.data, is_whole=True)
    dialect = guess.dialect
    encodings = {written.encoding}
    if written.data.isascii() or not written.encoding.startswith("utf"):
        encodings |= {"utf-8"} if written.data.isascii() else {"cp1252"}
    expected = {
        "delimiter": dialect.delimiter == written.delimiter,
        "header": (dialect.header is None) == written.has_header,
        "encoding": dialect.encoding in encodings,
        "decimal": dialect.decimal == written.decimal,
        "rows": guess.rows == written.rows,
    }
    return [name for name, is_right in expected.items() if not is_right]


def test_dialects_of_a_matrix_are_guessed() -> None:
    files = list(written_csv.matrix())

    wrong = {written.name: told for written in files if (told := faults(written))}

    assert len(files) == 896
    assert len(wrong) <= 0.01 * len(files), "\n".join(map(str, wrong.items()))


def lines(header: str, row: str) -> bytes:
    """Returns a header, if there is one, and thirty rows with their numbers in them."""
    rows = [row.replace("#", str(i)).replace("@", str(i % 2)) for i in range(30)]
    return "\n".join([header] * bool(header) + rows).encode()


CASES = {
    "tabs, and quotes that open nothing": (
        lines("id\ttext\tn", '#\t"oops word#\t#'),
        {"delimiter": "\t", "quote": "none"},
    ),
    "inches": (lines("id\ttext\tn", '#\t5" pipe #\t#'), {"delimiter": "\t"}),
    "blanks": (lines("user item click", "u# i# @"), {"delimiter": " "}),
    "a blank after each comma": (
        lines("age, work, income", "4#, State-gov, @"),
        {"delimiter": ", "},
    ),
    "semicolons, and commas in text": (
        lines("id;name;v", "#;Smith, John;#"),
        {"delimiter": ";"},
    ),
    "decimal commas": (lines("id;v", "#;#,50"), {"delimiter": ";", "decimal": ","}),
    "decimal commas and points": (
        lines("id\tv", "#\t1.2@0,50"),
        {"delimiter": "\t", "decimal": ",", "thousands": "."},
    ),
    "thousands": (lines("id,v", '#,"1,2@0"'), {"thousands": ","}),
    "a quoted decimal comma": (lines("id,v", '#,"@,5"'), {"decimal": ","}),
    "narrow blanks": (
        lines("id;v", "#;1\u202f2@0,50"),
        {"delimiter": ";", "decimal": ",", "thousands": "\u202f"},
    ),
    "apostrophes in numbers": (
        lines("id;v", "#;1'2@0.5"),
        {"delimiter": ";", "thousands": "'"},
    ),
    "as many parts in all lists": (lines("id,genre", "#,A|B"), {}),
    "lists with commas": (lines("id\tgenre", "#\tJazz, Pop"), {"delimiter": "\t"}),
    "quoted lists with commas": (lines("id,genre", '#,"Jazz, Pop"'), {}),
    "one column of words": (lines("word", "w#"), {}),
    "one column of numbers": (lines("n", "#"), {}),
    "escaped quotes": (lines("id,t", '#,"say \\"hi, #\\" now"'), {"escape": "\\"}),
    "single quotes": (lines("id,name", "#,'Oh, k#'"), {"quote": "'"}),
    "apostrophes in words": (lines("id,name", "#,O'Neil #"), {}),
    "JSON in cells": (lines("id,j", '#,"{""a"": #, ""b"": [1, 2]}"'), {}),
    "addresses of pages": (lines("id,url", "#,http://x.y/#?a=1;b=2|3"), {}),
    "broken bars": (lines("id\u00a6v", "#\u00a6a, b; c#"), {"delimiter": "\u00a6"}),
    "a dump of MySQL": (
        lines("", "#\t\\N\tname @"),
        {
            "delimiter": "\t",
            "header": ("column_1", "column_2", "column_3"),
            "missing": ("\\N",),
        },
    ),
    "a dump of MySQL with escapes": (
        lines("id,t,v", '#,"say \\"hi, #\\" now",\\N') + b"\n31,x,5\n32,\\N,6",
        {"escape": "\\", "missing": ("\\N",)},
    ),
    "words that are missing": (
        lines("id,v,w", "#,@,NA") + b"\n1,NA,NA\n2,null,x",
        {"missing": ("null", "NA")},
    ),
    "an index without a name": (lines(",user,label", "#,u@,@"), {}),
    "only a header": (b"user id\titem id\tclick\n", {"delimiter": "\t"}),
    "one row": (b"user,item,click\nu1,i1,1\n", {}),
    "times": (lines("time,user,click", "2024-01-01 12:0@:00,u#,@"), {}),
    "words without a header": (
        lines("", "alice,red,no") + b"\nbob,blue,yes",
        {"header": ("column_1", "column_2", "column_3")},
    ),
    "hashes without a header": (
        "".join(f"{i % 2},{i * 7919 + 68000000:08x}\n" for i in range(30)).encode(),
        {"header": ("column_1", "column_2")},
    ),
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=list(CASES))
def test_dialect_is_guessed(data: bytes, expected: dict[str, object]) -> None:
    found = differences(guess_dialect(data, is_whole=True).dialect)

    assert {k: v for k, v in found.items() if k != "missing"} == {
        k: v for k, v in expected.items() if k != "missing"
    }
    assert set(found.get("missing", ())) == set(expected.get("missing", ()))  # type: ignore[call-overload]


def test_years_in_a_header_are_taken_for_data() -> None:
    """A guess that is wrong, and known to be."""
    guess = guess_dialect(lines("city,2019,2020", "c#,#,#"), is_whole=True)

    assert guess.dialect.header == ("column_1", "column_2", "column_3")


def test_words_for_missing_are_counted() -> None:
    guess = guess_dialect(lines("id,v", "#,@") + b"\n1,NA\n2,NA\n3,-\n", is_whole=True)

    assert guess.missing == {"NA": 2, "-": 1}


def test_last_row_of_a_part_is_left_out() -> None:
    data = b"user,click\nu1,1\nu2,0\nu3,"

    assert len(guess_dialect(data, is_whole=True).rows) == 3
    assert len(guess_dialect(data, is_whole=False).rows) == 2


def random_bytes(draw: random.Random) -> bytes:
    """Returns bytes that may be anything, or pieces of what CSV is made of."""
    if draw.random() < 0.3:
        return draw.randbytes(draw.randrange(400))
    pieces = [b",", b"\t", b";", b'"', b"'", b"\\", b"\n", b"\r", b"\0", b"::", b" "]
    pieces += [b"1", b"NA", b"\\N", b"1,5", b"word", b"\xe9", b"\xc3\xa9", b"\xff\xfe"]
    return b"".join(draw.choices(pieces, k=draw.randrange(60)))


def test_no_bytes_are_an_error() -> None:
    draw, kinds = random.Random(7), collections.Counter[bool]()
    for _ in range(2000):
        guess = guess_dialect(random_bytes(draw), is_whole=draw.random() < 0.5)
        assert isinstance(guess, Guess)
        assert all(len(row) == len(guess.names) for row in guess.rows)
        kinds[guess.is_regular] += 1

    assert min(kinds.values()) > 100


@pytest.mark.parametrize("data", [b"", b"\n\n\n", b"\0" * 100, b"PK\3\4\0\0,\0"])
def test_what_is_no_text_is_not_regular(data: bytes) -> None:
    assert not guess_dialect(data, is_whole=True).is_regular
