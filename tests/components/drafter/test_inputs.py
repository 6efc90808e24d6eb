"""What becomes of a column, and why."""

from typing import Any

import pytest

from shardline.components.drafter.inputs import as_feature, input_of
from shardline.components.drafter.profiles import profile_of

N = range(40)
CASES: dict[str, tuple[str, list[Any], str, dict[str, Any], str]] = {
    "words": ("city", ["a", "b"] * 20, "features", {}, "2 different in 40 rows: a voc"),
    "missing words": (
        "city", ["a", "b", None, None] * 9, "features", {"default": "none"},
        "missing in 50.0%",
    ),
    "a word that stands for missing": (
        "city", ["a", "none", None] * 9, "features", {"default": "none_"}, "missing"
    ),
    "ids": ("userId", [i * 1000 for i in N], "features", {"dtype": "int64"}, "vocab"),
    "missing ids": (
        "user_id", [None, *(i * 1000 - 5 for i in N)], "features",
        {"dtype": "int64", "default": -6}, "missing in 2.4%",
    ),
    "small numbers": (
        "position", [i % 4 for i in N], "features",
        {"ids": {"range": 4, "out_of_range": "oov_rows"}}, "0 to 3: ids as they are",
    ),
    "ids as floats": (
        "item_id", [float(i % 9) for i in N], "features", {"dtype": "int64"}, "vocab"
    ),
    "lists": (
        "tags", [["a", "b"], []] * 20, "features", {"combiner": "mean"}, "lists of 2.0"
    ),
    "amounts": ("price", [i + 0.5 for i in N], "numbers", {"scale": "z_score"}, "0.5"),
    "skewed amounts": (
        "views", [*(i for i in N), 10**6], "numbers", {"log": True, "scale": "z_score"},
        "half of them up to 20",
    ),
    "missing amounts": (
        "age", [None, *(i * 2 for i in N)], "numbers",
        {"scale": "z_score", "missing": "mean"}, "missing in",
    ),
    "a constant": ("city", ["a"] * 40, "", {}, "the same value in all rows"),
    "nothing": ("city", [None] * 40, "", {}, "no value in 40 rows"),
    "free text": (
        "review", [f"a long and winding text of {i}" for i in N], "", {}, "text that"
    ),
    "keys of rows": ("order", [f"o{i}" for i in N], "", {}, "another value in each"),
    "an index": ("row", list(N), "", {}, "another value in each row"),
    "users that come once": ("user", [f"u{i}" for i in N], "features", {}, "40 diff"),
    "times": ("day", ["2024-01-01", "2024-01-02"] * 20, "", {}, "a date or time"),
    "other dates": ("day", ["31/12/2024", "1/1/2024"] * 20, "", {}, "write them as 20"),
    "lists of floats": ("vector", [[0.5, 1.5]] * 40, "", {}, "not whole"),
    "structs": ("x", [{"a": 1}] * 40, "", {}, "its type"),
    "no name": (" ", ["a", "b"] * 20, "", {}, "no name"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "cells", "section", "keys", "reason"), CASES.values(), ids=list(CASES)
)
def test_column_becomes_an_input(
    name: str, cells: list[Any], section: str, keys: dict[str, Any], reason: str
) -> None:
    found = input_of(profile_of(name, cells), is_whole=True)

    assert (found.section, found.keys) == (section, keys)
    assert reason in found.reason


def test_values_that_hardly_come_twice_are_hashed_unless_all_are_known() -> None:
    profile = profile_of("user", [f"u{i // 2}" for i in range(20_000)])

    assert input_of(profile, is_whole=True).keys == {}
    assert input_of(profile, is_whole=False).keys == {"ids": {"hash_buckets": 100_000}}


def test_number_can_be_made_a_feature() -> None:
    number = input_of(profile_of("x", [0.5, 1.5, None] * 9), is_whole=True)

    assert as_feature(number).keys == {"ids": {"quantile_buckets": 16}, "default": 0}
