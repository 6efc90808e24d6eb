"""What a boundary of a held-out split means, and what cannot be one."""

import datetime
from decimal import Decimal

import pytest

from shardline.configs.boundaries import boundary_of, fault_of

DAY_NS = 86_400 * 10**9


@pytest.mark.parametrize(
    ("at_least", "kind", "value"),
    [
        (5, "number", Decimal(5)),
        (0.1, "number", Decimal("0.1")),
        (2**70, "number", Decimal(2**70)),
        (" -1.5e3 ", "number", Decimal(-1500)),
        ("20240301", "number", Decimal(20240301)),
        ("1970-01-02", "moment", DAY_NS),
        ("1970-01", "moment", 0),
        ("1969-12-31T23:59:59,5Z", "moment", -(10**9) // 2),
        ("1970-01-01t01 +01", "moment", 0),
        ("1970/01/01 01:30+0130", "moment", 0),
        ("01:00:00.000000001", "clock", 3600 * 10**9 + 1),
        ("late", "text", b"late"),
        ("1.9.0", "text", b"1.9.0"),
        ("1e99999999999999999999", "text", b"1e99999999999999999999"),
        ("٣", "text", "٣".encode()),
    ],
)
def test_boundary_is_a_number_a_time_or_text(
    at_least: float | str, kind: str, value: object
) -> None:
    assert boundary_of(at_least) == (kind, value)
    assert fault_of(at_least) is None


def test_times_are_as_python_reads_them() -> None:
    start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    for text in (
        "2024-02-29T12:30:45.123456+05:45",
        "0001-01-01 00:00:00Z",
        "9999-12-31T23:59:59-12:00",
    ):
        expected = datetime.datetime.fromisoformat(text) - start
        boundary = boundary_of(text)
        assert boundary == (
            "moment",
            expected // datetime.timedelta(microseconds=1) * 1000,
        )


@pytest.mark.parametrize(
    "at_least",
    [
        "2024-9-30", "2024-09-3", "2024-9", "30/09/2024", "12/01/2025", "12/2025",
        "30.09.2024", "30.9.24", "30-Sep-2024", "Sep 30, 2024", "30 september 2024",
        "2024-09-30 5:00", "2024-09-30 05:00 PM", "2024-09-30T05:00 EST", "9:30",
        "12:30+02:00", "2024/9/30", "2024.9.30",
    ],
)  # fmt: skip
def test_time_that_is_not_in_order_as_text_is_refused(at_least: str) -> None:
    fault = fault_of(at_least)
    assert fault
    assert "looks like a date or time" in fault
    assert '"2024-09-30"' in fault


@pytest.mark.parametrize(
    ("at_least", "told"),
    [
        ("2024-02-30", "is no date or time that exists"),
        ("2024-13-01", "is no date or time that exists"),
        ("0000-01-01", "is no date or time that exists"),
        ("2024-01-01 24:00", "is no date or time that exists"),
        ("25:00", "is no date or time that exists"),
        ("1,5", "looks like a number; write it as 1234.5, without other marks"),
        ("-1_000", "looks like a number; write it as 1234.5, without other marks"),
        ("1,000,000.5", "looks like a number; write it as 1234.5, without other marks"),
        ("", "is empty"),
        ("  ", "is empty"),
        (float("nan"), "must be a finite number"),
        (float("inf"), "must be a finite number"),
    ],
)
def test_what_no_value_can_reach_is_refused(at_least: float | str, told: str) -> None:
    assert fault_of(at_least) == told
