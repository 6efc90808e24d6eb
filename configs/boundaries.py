"""What the boundary of a held-out split means: a number, a time, or else text.

The boundary and text in a column are read in the same way:

* a number is written in digits, with a sign, a point and an exponent at most;
* a date or time is written as ISO 8601 does, padded and the year first: `2024-09`,
  `2024-09-30` (or with `/` or `.`), `2024-09-30T12:30:00.5+02:00`; without a zone it
  is UTC;
* a time of day is `12:30` or `12:30:00.5`;
* all else is text, compared byte by byte; a number in it must have as many digits on
  both sides, for the text 10 comes before 9.
"""

import datetime
import re
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple

Kind = Literal["number", "moment", "clock", "text"]

_NS = 1_000_000_000
_DAY_NS = 86_400 * _NS
_EPOCH = datetime.date(1970, 1, 1).toordinal()

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
_TIME = re.compile(_CLOCK)
_MOMENT = re.compile(
    r"([0-9]{4})([-/.])([0-9]{2})(?:\2([0-9]{2})"
    r"(?:(?:[Tt]|\s+)(?:([0-9]{2})|" + _CLOCK + r")"
    r"\s*([Zz]|UTC|GMT|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?)?"
)
# Dates and times as people write them, whose text is not in the order of time.
_LIKE_TIME = re.compile(
    r"[0-9]{1,4}([-/])[0-9]{1,4}(\1[0-9]{1,4})?([^0-9].*)?"
    r"|[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2,4}([^0-9].*)?"
    r"|[0-9]{4}\.[0-9]{1,2}(\.[0-9]{1,2})?([^0-9].*)?"
    r"|[0-9]{1,2}:[0-9]{2}.*",
)
# Numbers with marks between their digits.
_LIKE_NUMBER = re.compile(r"[+-]?[0-9]+(?:[,'_ ][0-9]+)+(?:\.[0-9]+)?")
_MONTH = re.compile(
    r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|"
    r"april|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)


class Boundary(NamedTuple):
    """What a boundary means.

    Attributes:
        kind: how values are compared with it.
        value: the number; or nanoseconds since 1970 (UTC), or since midnight; or UTF-8.
    """

    kind: Kind
    value: Decimal | int | bytes


def boundary_of(at_least: float | str) -> Boundary:
    """Returns what a boundary means.

    Args:
        at_least: the boundary as the configuration has it. A float is the number that
            it is written as.
    """
    if not isinstance(at_least, str):
        return Boundary("number", Decimal(repr(at_least)))
    kinds: tuple[Kind, ...] = ("number", "moment", "clock")
    for kind in kinds:
        value = value_of(at_least, kind)
        if value is not None:
            return Boundary(kind, value)
    return Boundary("text", at_least.encode())


def value_of(text: str, kind: Kind) -> Decimal | int | bytes | None:
    """Returns what text means, read as a boundary of some kind.

    Args:
        text: the text.
        kind: the kind of the boundary that the text is compared with.

    Returns:
        What `Boundary.value` would be; None if the text is not of that kind.
    """
    if kind == "text":
        return text.encode()
    read = {"number": _number, "moment": _moment, "clock": _clock}[kind]
    return read(text.strip())


def fault_of(at_least: float | str) -> str | None:
    """Returns why a value cannot be a boundary; None if it can."""
    if not isinstance(at_least, str):
        return None if Decimal(at_least).is_finite() else "must be a finite number"
    text = at_least.strip()
    if not text:
        return "is empty"
    if boundary_of(text).kind != "text":
        return None
    if _MOMENT.fullmatch(text) or _TIME.fullmatch(text):
        return "is no date or time that exists"
    if _LIKE_TIME.fullmatch(text) or (_MONTH.search(text) and re.search("[0-9]", text)):
        return (
            "looks like a date or time, and is not written as ISO 8601 does, so that "
            "text of that form is not in the order of time; write both the boundary "
            'and the column as "2024-09-30", "2024-09-30 12:30:00" or "12:30:00"'
        )
    if _LIKE_NUMBER.fullmatch(text):
        return "looks like a number; write it as 1234.5, without other marks"
    return None


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else _infinite(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return None


def _infinite(text: str) -> Decimal | None:
    is_infinite = text.lower().lstrip("+-") in ("inf", "infinity")
    return Decimal(text) if is_infinite else None


def _moment(text: str) -> int | None:
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    year, _, month, day, hour, *clock, zone, sign, hours, minutes = found.groups()
    try:
        date = datetime.date(int(year), int(month), int(day or 1))
    except ValueError:
        return None
    time = _clock_ns([hour, "0", None, None] if hour else clock)
    offset = _clock_ns([hours or "0", minutes or "0", None, None])
    if time is None or offset is None:
        return None
    east = (-offset if sign == "-" else offset) if zone else 0
    return (date.toordinal() - _EPOCH) * _DAY_NS + time - east


def _clock(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    return _clock_ns(list(found.groups())) if found else None


def _clock_ns(parts: list[str | None]) -> int | None:
    """Returns the nanoseconds of hour, minute, second and fraction."""
    hour, minute, second = (int(part or 0) for part in parts[:3])
    if hour > 23 or minute > 59 or second > 59:
        return None
    fraction = int((parts[3] or "").ljust(9, "0")[:9])
    return ((hour * 60 + minute) * 60 + second) * _NS + fraction
