"""What columns hold is told from their cells."""

from typing import Any

import pytest

from shardline.components.drafter.found_files import FoundFile
from shardline.components.drafter.profiles import (
    Profile,
    profile_of,
    profiles_of,
    split,
)
from shardline.components.drafter.samples import FileSample
from shardline.components.readers.files.formats.csv.guessing.cell_kinds import Marks

FILE = FoundFile("a.csv", "a.csv", "csv")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", " 2", "-3"], "int"),
        (["1", "2.5"], "float"),
        (["1", "x"], "text"),
        (["007", "8"], "text"),
        ([str(1 << 63)], "text"),
        ([1 << 63], "text"),
        ([True, False], "int"),
        ([0.5, 1], "float"),
        (["2024-01-31", "2024-02-01 12:00:00"], "time"),
        (["31/12/2024"], "other date"),
        ([None, None], "nothing"),
        ([{"a": 1}], "other"),
        ([["a", "b"], []], "text"),
    ],
)
def test_kind_of_a_column(cells: list[Any], kind: str) -> None:
    assert profile_of("x", cells).kind == kind


def test_numbers_are_read_by_their_marks() -> None:
    profile = profile_of("x", ["1.234,5", "7"], Marks(",", "."))

    assert profile.values == [1234.5, 7]


def test_counts_of_a_column() -> None:
    profile = profile_of("x", ["a", None, "b", "a"])

    assert (profile.rows, profile.missing, profile.distinct) == (4, 1, 2)
    assert not profile.is_unique
    assert profile_of("x", ["a", None, "b"]).is_unique


def profiles(**columns: list[Any]) -> dict[str, Profile]:
    rows = len(next(iter(columns.values())))
    return profiles_of(FileSample(FILE, columns, rows, rows, True))


def test_lists_in_cells_are_found_by_one_separator() -> None:
    found = profiles(
        genre=["a|b", "b|c", "c", "a|b|c"] * 5,
        tag=["x|y", "y", "x", "x"] * 5,
        city=["New York, NY", "Reno, NV", "Rome, RM", "Oslo, OS"] * 5,
        title=[f"Film {i}, The" for i in range(20)],
    )

    assert [(p.is_list, p.separator) for p in found.values()] == [
        (True, "|"),
        (True, "|"),
        (False, ""),
        (False, ""),
    ]
    assert found["genre"].counts == {"a": 10, "b": 15, "c": 15}


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["Jazz, Pop", "Pop", "Jazz"] * 5, ", "),
        (["Jazz,Pop", "Pop", "Jazz"] * 5, ","),
        (["3 5 9", "5", "9 3"] * 5, " "),
        (["New York", "Old York"] * 5, ""),
        (["a|b"] * 3, ""),
    ],
)
def test_separator_of_lists(cells: list[str], separator: str) -> None:
    assert profiles(x=cells)["x"].separator == separator


@pytest.mark.parametrize(
    "cells",
    [
        ["Verlag &amp; Co", "Co &amp; Verlag", "Verlag", "Co"],
        ["Rock &#39;n&#39; Roll", "Roll", "&#39;n"],
        ["Pop; R&#x26;B", "Pop", "Pop; Folk", "Folk"],
        ["New York, NY", "Reno, NV", "Rome, RM", "Oslo, OS"],
        ["Matrix, The", "Sting, The", "Alien", "Jaws"],
        ["Home|Garden", "Home|Kitchen", "Sport|Ball"],
        ["Verlag; Berlin", "Verlag; Bonn", "Presse; Bonn"],
        ['["a", "b", "c"]', '["a", "c", "b"]', '["b", "a"]'],
        ['{"a": 1, "b": 2, "c": 3}', '{"c": 3, "b": 2, "a": 1}'],
        ["X (K; L; M)", "X (L; K; M)", "X (M; K)"],
        ["http://a.b/?x=1;y=2", "http://a.b/?x=1;y=3", "http://a.b/?x=1"],
        ["Well, it works", "Well, it broke", "Sorry, no idea"],
        ["10:30 am", "11:45 am", "09:00 pm"],
        ["2024-01-31", "2024-02-01"],
        ["31 January 2024", "1 February 2024"],
    ],
)
def test_text_that_is_no_list(cells: list[str]) -> None:
    assert not profiles(x=cells * 10)["x"].is_list


@pytest.mark.parametrize("separator", ["|", ";", ", ", ","])
def test_sorted_lists_are_lists(separator: str) -> None:
    genres = [("Action", "Comedy"), ("Comedy", "Drama"), ("Action", "Drama", "War")]
    cells = [separator.join(genre) for genre in genres] * 10

    assert profiles(x=cells)["x"].separator == separator


def test_lists_of_one_and_two_may_have_fixed_places() -> None:
    cells = ["wool", "silk|sale", "wool|sale", "silk"] * 10

    assert profiles(x=cells)["x"].separator == "|"


def test_list_is_split_as_the_reader_does() -> None:
    assert split(" a | |b|", "|") == ["a", "b"]
