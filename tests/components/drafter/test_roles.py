"""Labels and weights are told by names and values."""

from typing import Any

import pytest

from shardline.components.drafter.errors import DraftError
from shardline.components.drafter.profiles import profile_of
from shardline.components.drafter.roles import label_named, labels_of, weight_of

ZERO_ONE = ["0", "1", "1", "0"]


def names(**columns: list[Any]) -> list[str]:
    return [
        label.name
        for label in labels_of([profile_of(n, c) for n, c in columns.items()])
    ]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": ZERO_ONE, "label": ZERO_ONE, "b": ZERO_ONE}, ["label", "b", "a"]),
        ({"column_1": ZERO_ONE, "column_2": ZERO_ONE}, ["column_1", "column_2"]),
        ({"rating": ["1", "5", "3"], "flag": ZERO_ONE}, ["rating", "flag"]),
        ({"clicked": ["yes", "no"], "flag": ZERO_ONE}, ["clicked", "flag"]),
        ({"user": ["a", "b"], "price": ["1.5", "2"]}, []),
        ({"label": ["1", "1"]}, []),
    ],
)
def test_likeliest_label_is_first(
    columns: dict[str, list[str]], expected: list[str]
) -> None:
    assert names(**columns) == expected


def test_rating_is_cut_where_it_parts_examples_evenly() -> None:
    label = label_named(profile_of("rating", list("1234555544")))

    assert label.positive_from == 5
    assert "40% of the sample are 5 or more" in label.reason
    assert [label.is_positive(v) for v in (4, 5)] == [False, True]


@pytest.mark.parametrize(
    ("cells", "words", "positive_from"),
    [
        (["yes", "no", "no"], {"yes": 1.0, "no": 0.0}, None),
        (["True", "False"], {"True": 1.0, "False": 0.0}, None),
        (["4 stars", "1 star", "1 star"], {"4 stars": 4, "1 star": 1}, 4),
        (["kept", "kept", "left"], {"kept": 0.0, "left": 1.0}, None),
    ],
)  # fmt: skip
def test_words_become_numbers(
    cells: list[str], words: dict[str, float], positive_from: float | None
) -> None:
    label = label_named(profile_of("outcome", cells))

    assert label.words == words
    assert label.positive_from == positive_from


@pytest.mark.parametrize("cells", [["a", "b", "c"], ["a"], [["1", "0"], ["1"]]])
def test_column_that_cannot_be_a_label_is_refused(cells: list[Any]) -> None:
    with pytest.raises(DraftError, match="column `x` cannot be a label: it holds"):
        label_named(profile_of("x", cells))


@pytest.mark.parametrize(
    ("name", "cells", "is_weight"),
    [
        ("weight", ["1", "0.5"], True),
        ("sample_weight", ["1", "0.5"], True),
        ("body_weight", ["61", "80"], False),
        ("weight", ["1", None], False),
        ("weight", ["1", "-1"], False),
    ],
)
def test_weight_of_examples(name: str, cells: list[Any], is_weight: bool) -> None:
    assert (weight_of([profile_of(name, cells)]) is not None) == is_weight
