"""When starts are due, also where clocks are put forward or back."""

from datetime import UTC, datetime, timedelta

import pytest

from shardline.configs.schedule import Schedule
from shardline.pipeline.schedule.rhythm import MOST_COUNTED, Rhythm

pytestmark = pytest.mark.orchestration
SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the day before clocks go forward
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)  # the day before they go back


def times(rhythm: Rhythm, after: datetime, count: int) -> list[str]:
    """The next times, in the form `29 01:00`, of UTC."""
    found = []
    for _ in range(count):
        after = rhythm.after(after)
        found.append(f"{after:%d %H:%M}")
    return found


def in_berlin(cron: str) -> Rhythm:
    return Rhythm(Schedule(cron=cron, timezone="Europe/Berlin"))


def test_time_that_a_day_lacks_is_made_up_for_after_the_gap() -> None:
    found = times(in_berlin("30 2 * * *"), SPRING, 2)

    assert found == ["29 01:00", "30 00:30"]


def test_time_that_comes_twice_counts_once() -> None:
    found = times(in_berlin("30 2 * * *"), AUTUMN, 2)

    assert found == ["25 00:30", "26 01:30"]
    between = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 02:15 for the second time
    assert times(in_berlin("30 2 * * *"), between, 1) == ["26 01:30"]
    last = in_berlin("30 2 * * *").until(between)
    assert last == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("after", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_every_hour_is_every_hour(after: datetime) -> None:
    rhythm, start = in_berlin("30 * * * *"), after.replace(hour=22)
    for number in range(8):
        due = rhythm.after(start + timedelta(hours=number))
        assert due == start + timedelta(hours=number, minutes=30)


@pytest.mark.parametrize("cron", ["30 2 * * *", "0,30 1-3 * * *", "*/20 * * * *"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
@pytest.mark.parametrize("day", [SPRING, AUTUMN, datetime(2026, 11, 1, tzinfo=UTC)])
def test_last_time_is_the_one_that_comes_next_after_those_before(
    cron: str, zone: str, day: datetime
) -> None:
    rhythm = Rhythm(Schedule(cron=cron, timezone=zone))
    due = [day - timedelta(days=1)]
    while due[-1] < day + timedelta(days=1):
        due.append(rhythm.after(due[-1]))

    for minute in range(0, 1440, 7):
        time = day - timedelta(hours=2) + timedelta(minutes=minute, seconds=13)
        assert rhythm.until(time) == max(one for one in due if one <= time)
        assert rhythm.after(time) == min(one for one in due if one > time)
    assert rhythm.until(due[-1]) == due[-1]
    assert rhythm.count(due[1], due[-1]) == len(due) - 2


def test_distance_is_counted_from_1970_on() -> None:
    rhythm = Rhythm(Schedule(every="6h"))
    time = datetime(2026, 11, 30, 13, 7, tzinfo=UTC)

    assert rhythm.after(time) == datetime(2026, 11, 30, 18, tzinfo=UTC)
    assert rhythm.until(time) == datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert rhythm.after(rhythm.until(time)) == rhythm.after(time)
    assert rhythm.count(time, time + timedelta(days=1)) == 4


def test_very_many_times_are_not_told_apart() -> None:
    rhythm = Rhythm(Schedule(every="1s"))

    assert rhythm.count(SPRING, AUTUMN) == MOST_COUNTED


def test_rhythms_are_told_apart_by_their_names() -> None:
    schedules = [
        Schedule(every="1h"),
        Schedule(every="60m"),
        Schedule(cron="0 * * * *"),
        Schedule(cron="0 * * * *", timezone="Europe/Berlin"),
    ]
    first, same, *others = (Rhythm(schedule).name for schedule in schedules)

    assert first == same == "every 1h"
    assert len({first, *others}) == 3
