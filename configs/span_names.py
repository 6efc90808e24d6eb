"""What spans of data are called, and which time they are of.

A span is a number, such as 17, or a period: an hour (2026-11-30T13), a day
(2026-11-30), a week (2026-W48), half a month (2026-11-H1 until the 15th, 2026-11-H2
from the 16th on) or a month (2026-11). Periods begin and end in UTC. Folders may have
leading zeros, and dates without dashes: 2026113013, 20261130, 2026W48 and 202611 are
dates, if they exist and their year is between 1900 and 2199.
"""

import contextlib
import datetime
import re
from typing import Literal, NamedTuple

Every = Literal["hour", "day", "week", "half_month", "month"]

# What may be a span in the name of a file; `read_span` tells whether it is.
SPAN_TEXT = (
    r"\d{4}-\d\d-\d\dT\d\d|\d{8}T\d\d|\d{4}-\d\d-\d\d|\d{4}-\d\d-H[12]"
    r"|\d{4}-?W\d\d|\d{4}-\d\d|\d+"
)

_DASHED = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d))?|-H([12]))?")
_COMPACT = re.compile(r"((?:19|20|21)\d\d)(\d\d)(?:(\d\d)(?:T?(\d\d))?)?()")
_WEEK = re.compile(r"(\d{4})-?W(\d\d)")
_EPOCH = datetime.datetime(1970, 1, 1)
_HOUR = datetime.timedelta(hours=1)
_DAY = datetime.timedelta(days=1)
_SECOND_HALF = 16


class SpanName(NamedTuple):
    """A span by its name.

    Attributes:
        name: as files and people have it, such as 17 or 2026-11-30.
        every: how long it is; None: it is a number.
        start: its first second, counted from 1970; of a number the number itself, so
            that spans of one kind are in the order of their starts.
        end: the first second after it; of a number the next number.
    """

    name: str
    every: Every | None
    start: int
    end: int

    def after(self) -> "SpanName":
        """Returns the span that follows at once."""
        if self.every is None:
            return _number(self.end)
        return span_at(self.end, self.every)


def read_span(text: str) -> SpanName | None:
    """Returns the span that a text names; None: it names none.

    Args:
        text: such as `2026-11-30`, `20261130` or `007`.
    """
    with contextlib.suppress(ValueError, OverflowError):  # a date that does not exist
        if found := _WEEK.fullmatch(text):
            monday = datetime.date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return _period(datetime.datetime.combine(monday, datetime.time()), "week")
        if found := _DASHED.fullmatch(text) or _COMPACT.fullmatch(text):
            return _dated(*found.groups())
    return _number(int(text)) if text.isascii() and text.isdecimal() else None


def span_at(second: int, every: Every) -> SpanName:
    """Returns the period that a second is in.

    Args:
        second: since 1970, UTC.
        every: how long periods are.

    Raises:
        OverflowError: if it is outside of the years 1 to 9999.
    """
    moment = _EPOCH + datetime.timedelta(seconds=second)
    if every == "hour":
        return _period(moment.replace(minute=0, second=0), every)
    day = datetime.datetime(moment.year, moment.month, moment.day)
    if every == "week":
        return _period(day - day.weekday() * _DAY, every)
    if every == "half_month":
        return _period(day.replace(day=_SECOND_HALF if day.day > 15 else 1), every)
    return _period(day.replace(day=1) if every == "month" else day, every)


def _dated(
    year: str, month: str, day: str | None, hour: str | None, half: str | None
) -> SpanName:
    if half:
        first = _SECOND_HALF if half == "2" else 1
        return _period(datetime.datetime(int(year), int(month), first), "half_month")
    start = datetime.datetime(int(year), int(month), int(day or 1), int(hour or 0))
    return _period(start, "hour" if hour else "day" if day else "month")


def _number(number: int) -> SpanName:
    return SpanName(str(number), None, number, number + 1)


def _period(start: datetime.datetime, every: Every) -> SpanName:
    month = (start.replace(day=28) + 4 * _DAY).replace(day=1)
    halves = start.replace(day=_SECOND_HALF) if start.day < _SECOND_HALF else month
    ends = {
        "hour": start + _HOUR,
        "day": start + _DAY,
        "week": start + 7 * _DAY,
        "half_month": halves,
        "month": month,
    }
    year, week, _ = start.isocalendar()
    names = {
        "hour": start.isoformat(timespec="hours"),
        "day": start.date().isoformat(),
        "week": f"{year:04}-W{week:02}",
        "half_month": f"{start:%Y-%m}-H{1 if start.day < _SECOND_HALF else 2}",
        "month": f"{start:%Y-%m}",
    }
    return SpanName(names[every], every, _seconds(start), _seconds(ends[every]))


def _seconds(moment: datetime.datetime) -> int:
    return (moment - _EPOCH) // datetime.timedelta(seconds=1)
