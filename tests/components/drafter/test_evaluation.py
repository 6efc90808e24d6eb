"""The rule by which examples are held out."""

import random
from typing import Any

import pytest

from shardline.components.drafter.evaluation import at_random, by_time, times_of
from shardline.components.drafter.profiles import profile_of
from shardline.components.drafter.roles import label_named

LABELS = [str(i % 2) for i in range(200)]


def label(cells: list[Any] = LABELS) -> Any:
    return label_named(profile_of("label", cells))


def test_last_tenth_by_seconds_is_held_out() -> None:
    seconds = [1_700_000_000 + i for i in range(200)]
    random.Random(1).shuffle(seconds)

    choice = by_time(profile_of("ts", [str(s) for s in seconds]), label())

    assert choice is not None
    assert choice.rule == {"column": "ts", "at_least": 1_700_000_180}
    assert "the last 10%" in choice.reason
    assert "2023-11-14 22:16 (UTC)" in choice.reason


def test_boundary_is_a_day_where_days_are_few() -> None:
    days = [f"2024-01-0{1 + i // 40}" for i in range(200)]

    choice = by_time(profile_of("day", days), label())

    assert choice is not None
    assert choice.rule == {"column": "day", "at_least": "2024-01-05"}


def test_fraction_of_a_second_is_left_out_of_the_boundary() -> None:
    times = [f"2024-01-01 12:{i // 60:02d}:{i % 60:02d}.250" for i in range(200)]

    choice = by_time(profile_of("time", times), label())

    assert choice is not None
    assert choice.rule["at_least"] == "2024-01-01 12:03:00"


def test_both_parts_must_have_both_labels() -> None:
    seconds = [str(1_700_000_000 + i) for i in range(200)]

    assert by_time(profile_of("ts", seconds), label(["0"] * 99 + ["1"] * 101)) is None


@pytest.mark.parametrize(
    ("name", "cells", "is_time"),
    [
        ("created_at", ["2024-01-01", "2024-01-02"], True),
        ("ts", ["1700000000", "1700000001"], True),
        ("ts", ["1700000000000", "1700000001000"], True),
        ("phone_no", ["1700000000", "1700000001"], False),
        ("ts", ["1", "2"], False),
        ("day", ["2024-01-01", None], False),
        ("day", ["31/12/2024", "1/1/2024"], False),
    ],
)
def test_times_are_found(name: str, cells: list[Any], is_time: bool) -> None:
    assert bool(times_of([profile_of(name, cells)])) == is_time


def test_more_is_drawn_of_few_rows() -> None:
    assert at_random(100).rule == {"fraction": 0.2}
    assert at_random(5000).rule == {"fraction": 0.1}
