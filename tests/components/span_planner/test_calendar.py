"""Spans in the order of time, and those that cannot be in one order."""

import itertools
from typing import Any

import pytest

from shardline.components.readers.span_reader import FoundSpan
from shardline.components.span_planner.calendar import (
    OverlapError,
    SpanError,
    arranged,
    missing_between,
    start_of,
)
from shardline.configs.span_names import read_span
from shardline.configs.spans import Spans


def ordered(*names: str, **told: Any) -> list[str]:
    """Returns the names of spans as they are arranged; `17.v2` is a version."""
    found = []
    for text in names:
        span, _, version = text.partition(".v")
        found.append(FoundSpan(span, int(version or 1), "digest"))
    return [
        f"{span.found.span}.v{span.found.version}"
        for span in arranged(found, Spans(**told))
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["10", "9", "9.v2", "9.v10"], ["9.v10", "10.v1"]),
        (["2026-12", "2027-01", "2026-11"], ["2026-11.v1", "2026-12.v1", "2027-01.v1"]),
        (["2026-W53", "2027-W01"], ["2026-W53.v1", "2027-W01.v1"]),
        (["20261201", "2026-11-30"], ["2026-11-30.v1", "2026-12-01.v1"]),
    ],
)
def test_newest_versions_are_in_the_order_of_time(
    names: list[str], expected: list[str]
) -> None:
    assert ordered(*names) == expected


def test_spans_before_the_first_are_left_out() -> None:
    assert ordered("2026-11-29", "2026-11-30", first="2026-11-30") == ["2026-11-30.v1"]


@pytest.mark.parametrize(
    ("names", "told", "error", "message"),
    [
        (["007", "7"], {}, OverlapError, "Span 7, version 1, is there twice"),
        (["2026-11-30", "20261130"], {}, OverlapError, "Span 2026-11-30, version 1"),
        (["2026-11", "2026-11-30"], {}, OverlapError, "2026-11 and 2026-11-30 overlap"),
        (["2026-11-30", "2026-11-30T05"], {}, OverlapError, "a day and an hour of"),
        (["2026-W48", "2026-11-28"], {}, OverlapError, "overlap: a week and a day of"),
        (["2026-11", "2026-12-01"], {}, SpanError, "is a month, and span 2026-12-01"),
        (["17", "2026-12-01"], {}, SpanError, "Span 17 is a number, and span 2026"),
        (["tmp"], {}, SpanError, "`tmp` is no name of a span: it is neither"),
        (["2026-11-30"], {"every": "week"}, SpanError, "is week, and span 2026-11-30"),
        (["2026-11-30"], {"first": "2026-11"}, SpanError, "is 2026-11, a month, and"),
        (["2026-11-H1"], {"first": "3"}, SpanError, "2026-11-H1 is a half month"),
    ],
)
def test_spans_that_do_not_fit_together_are_refused(
    names: list[str], told: dict[str, Any], error: type[SpanError], message: str
) -> None:
    with pytest.raises(error, match=message):
        ordered(*names, **told)


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("1", "2", []),
        ("8", "11", ["9", "10"]),
        ("2026-02-27", "2026-03-02", ["2026-02-28", "2026-03-01"]),
        ("2026-11", "2027-02", ["2026-12", "2027-01"]),
        ("2026-W52", "2027-W01", ["2026-W53"]),
        ("2026-11-30T22", "2026-12-01T01", ["2026-11-30T23", "2026-12-01T00"]),
        ("2026-11-H2", "2026-12-H2", ["2026-12-H1"]),
    ],
)
def test_missing_spans_are_named(before: str, after: str, missing: list[str]) -> None:
    one, other = read_span(before), read_span(after)
    assert one is not None
    assert other is not None
    assert list(missing_between(one, other)) == missing


def test_wide_gap_is_not_walked_through() -> None:
    one, other = read_span("1"), read_span(str(10**15))
    assert one is not None
    assert other is not None
    assert list(itertools.islice(missing_between(one, other), 2)) == ["2", "3"]


def test_start_tells_the_order() -> None:
    assert start_of("9") < start_of("10")
    assert start_of("2026-09") < start_of("2026-10")
    with pytest.raises(SpanError, match="`latest` is no name"):
        start_of("latest")
