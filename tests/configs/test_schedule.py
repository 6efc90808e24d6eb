"""When a run starts by itself: what a `schedule` section may say."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.schedule import Schedule

pytestmark = pytest.mark.orchestration


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("6h", timedelta(hours=6)),
        ("1d", timedelta(days=1)),
    ],
)
def test_duration_is_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    assert Schedule(every=text).every == meant


@pytest.mark.parametrize(
    "value", ["6", "h", "0h", "-1h", "1.5h", "1 h", "1w", "", 60, None, "9" * 20 + "d"]
)
def test_other_durations_are_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match=r"a duration is|exactly one"):
        Schedule(every=value)


@pytest.mark.parametrize(
    "rhythm", [{}, {"cron": "0 3 * * *", "every": "1h"}], ids=["none", "both"]
)
def test_rhythm_is_told_once(rhythm: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one of `cron` and `every`"):
        Schedule(**rhythm)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "/etc"])
def test_time_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no time zone of this name"):
        Schedule(every="1h", timezone=name)


def test_time_zone_of_the_iana_is_taken() -> None:
    assert Schedule(cron="0 3 * * *", timezone="Europe/Berlin").cron == "0 3 * * *"


@pytest.mark.parametrize(
    "retries",
    [{"attempts": -1}, {"attempts": True}, {"factor": 0.5}, {"factor": float("inf")}],
)
def test_retries_that_make_no_sense_are_refused(retries: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Schedule(every="1h", retries=retries)


def test_empty_command_is_refused() -> None:
    with pytest.raises(ValidationError):
        Schedule(every="1h", on_failure=[])


@pytest.mark.parametrize(
    ("every", "cron"),
    [
        ("1m", "* * * * *"),
        ("60s", "* * * * *"),
        ("15m", "*/15 * * * *"),
        ("60m", "0 * * * *"),
        ("6h", "0 */6 * * *"),
        ("1d", "0 0 * * *"),
        ("24h", "0 0 * * *"),
        ("7d", "0 0 * * 4"),
        ("90s", None),
        ("7m", None),
        ("90m", None),
        ("5h", None),
        ("2d", None),
        ("14d", None),
    ],
)
def test_interval_that_cron_can_say_is_said(every: str, cron: str | None) -> None:
    assert Schedule(every=every).every_as_cron == cron


def test_cron_is_no_interval() -> None:
    assert Schedule(cron="0 3 * * *").every_as_cron is None
