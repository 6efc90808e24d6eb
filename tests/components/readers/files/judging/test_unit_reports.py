"""The reports of units of work, added up."""

import dataclasses
from typing import Any

import pytest

from shardline.components.readers.files import BadInput, BadInputError, Tally
from shardline.components.readers.files.judging.unit_reports import merge_reports


def report(file: str, rows: int, reason: str = "", failure: str = "") -> dict[str, Any]:
    bad, tally = BadInput("skip", "skip"), Tally()
    tally.give(file, "train", rows)
    tally.leave_out(file, 1 if reason else 0)
    if reason:
        bad.add(reason, 1, [(file, 1, f"{file}: {reason}")])
    return {
        "bad": dataclasses.asdict(bad),
        "tally": dataclasses.asdict(tally),
        "failure": failure,
    }


def test_rows_and_what_was_left_out_add_up() -> None:
    bad, tally = merge_reports(
        [report("a", 3), report("b", 4, "is odd"), report("a", 5, "is odd")]
    )

    assert tally.given == {"a": {"train": 8}, "b": {"train": 4}}
    assert tally.left_out == {"a": 1, "b": 1}
    assert bad.rows == {"is odd": 2}


def test_report_without_a_failure_may_lack_the_key() -> None:
    one = report("a", 3)
    del one["failure"]

    assert merge_reports([one])[1].given == {"a": {"train": 3}}


def test_failures_are_raised_once_each_in_order() -> None:
    reports = [report("a", 1, failure=words) for words in ("late", "early", "late", "")]

    with pytest.raises(BadInputError, match=r"^early\nlate$"):
        merge_reports(reports)


def test_nothing_adds_up_to_nothing() -> None:
    bad, tally = merge_reports([])

    assert not bad
    assert tally == Tally()
