"""Names of spans, and the periods that they stand for."""

import datetime

import pytest

from shardline.configs.span_names import Every, read_span, span_at


def second(text: str) -> int:
    """Returns a moment of UTC in seconds since 1970."""
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
    return int(moment.timestamp())


@pytest.mark.parametrize(
    ("text", "name", "every", "start", "end"),
    [
        ("2026-11-30", "2026-11-30", "day", "2026-11-30", "2026-12-01"),
        ("20261130", "2026-11-30", "day", "2026-11-30", "2026-12-01"),
        ("2024-02-29", "2024-02-29", "day", "2024-02-29", "2024-03-01"),
        ("2026-12", "2026-12", "month", "2026-12-01", "2027-01-01"),
        ("202602", "2026-02", "month", "2026-02-01", "2026-03-01"),
        ("2026-02-H1", "2026-02-H1", "half_month", "2026-02-01", "2026-02-16"),
        ("2026-02-H2", "2026-02-H2", "half_month", "2026-02-16", "2026-03-01"),
        ("2026-W01", "2026-W01", "week", "2025-12-29", "2026-01-05"),
        ("2026W53", "2026-W53", "week", "2026-12-28", "2027-01-04"),
        ("2026-11-30T23", "2026-11-30T23", "hour", "2026-11-30T23", "2026-12-01"),
        ("20261130T05", "2026-11-30T05", "hour", "2026-11-30T05", "2026-11-30T06"),
        ("2026113005", "2026-11-30T05", "hour", "2026-11-30T05", "2026-11-30T06"),
    ],
)
def test_dates_have_one_name_and_a_period(
    text: str, name: str, every: str, start: str, end: str
) -> None:
    assert read_span(text) == (name, every, second(start), second(end))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(("0", "0"), ("007", "7"), ("17", "17"), ("20261131", "20261131")),
        *(("2026", "2026"), ("202613", "202613"), ("18991231", "18991231")),
        ("1764500000", "1764500000"),
    ],
)
def test_other_digits_are_a_number(text: str, name: str) -> None:
    assert read_span(text) == (name, None, int(name), int(name) + 1)


@pytest.mark.parametrize(
    "text",
    [
        *("", "latest", "2026-13", "2026-11-31", "2026-W54", "2026-11-30T24"),
        *("2026-1-1", "-1", "1.5", "2026-11-H3", "0000-01-01", "٣", " 7"),
        "9999-12-31",
    ],
)
def test_what_is_no_date_and_no_number_is_no_span(text: str) -> None:
    assert read_span(text) is None


@pytest.mark.parametrize("every", ["hour", "day", "week", "half_month", "month"])
def test_periods_follow_each_other_without_gap(every: Every) -> None:
    span = span_at(second("2023-12-30T07:08:09"), every)
    for _ in range(60):
        following = span.after()
        assert following.start == span.end
        assert read_span(following.name) == following
        assert span_at(following.start, every) == following
        assert span_at(following.end - 1, every) == following
        assert span_at(following.start - 1, every) == span
        span = following


def test_numbers_follow_each_other() -> None:
    span = read_span("9")
    assert span is not None
    assert span.after() == ("10", None, 10, 11)
