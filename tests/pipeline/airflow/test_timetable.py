"""When a run starts: as the configuration says, in the words of Airflow."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from shardline.configs.schedule import Schedule
from shardline.pipeline.airflow.dag import Dag, DagError
from shardline.pipeline.airflow.timetable import timetable_literal
from shardline.pipeline.airflow.writer import dag_text

pytestmark = pytest.mark.orchestration
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_cron_expression_is_handed_on_with_its_time_zone() -> None:
    schedule = Schedule(cron="30 3 * * MON", timezone="Europe/Berlin")

    assert timetable_literal(schedule) == (
        'sdk.CronTriggerTimetable("30 3 * * MON", timezone="Europe/Berlin")'
    )


@pytest.mark.parametrize(
    ("every", "cron"),
    [
        ("1m", "* * * * *"),
        ("15m", "*/15 * * * *"),
        ("60m", "0 * * * *"),
        ("1h", "0 * * * *"),
        ("6h", "0 */6 * * *"),
        ("24h", "0 0 * * *"),
        ("1d", "0 0 * * *"),
        ("7d", "0 0 * * 4"),
    ],
)
def test_interval_that_cron_has_is_counted_from_1970(every: str, cron: str) -> None:
    schedule = Schedule.model_validate({"every": every, "timezone": "Asia/Tokyo"})

    assert timetable_literal(schedule) == (
        f'sdk.CronTriggerTimetable("{cron}", timezone="UTC")'
    )
    assert starts(cron, until=_EPOCH + timedelta(days=28)) == multiples(
        schedule.every, until=_EPOCH + timedelta(days=28)
    )


@pytest.mark.parametrize(
    ("every", "literal"),
    [
        ("90s", "datetime.timedelta(seconds=90)"),
        ("7m", "datetime.timedelta(minutes=7)"),
        ("90m", "datetime.timedelta(minutes=90)"),
        ("5h", "datetime.timedelta(hours=5)"),
        ("2d", "datetime.timedelta(days=2)"),
    ],
)
def test_other_interval_is_counted_from_the_start_before(
    every: str, literal: str
) -> None:
    schedule = Schedule.model_validate({"every": every})

    assert timetable_literal(schedule) == f"sdk.DeltaTriggerTimetable({literal})"


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 3 LW * *", "it has no last working day of the month, LW"),
        ("0 3 * * MON,5L", "it takes `5L` only without plain .* `MON,5L`"),
        ("0 3 */2 * MON", "a day must fit both `\\*/2` and `MON`"),
        ("0 3 1 * */2", "a day must fit both `1` and `\\*/2`"),
        ("0 3 * * MON#2,FRI", "it takes `MON#2` only without plain days"),
        ("0 3 * * *,1#2", "it takes `1#2` only without plain days"),
        ("0 3 15 * 1#1", "it takes no day of month, `15`, together with `1#1`"),
        ("0 3 1 * 5L", "it takes no day of month, `1`, together with `5L`"),
        ("0 3 L * 5L", "it takes no day of month, `L`, together with `5L`"),
        ("0 3 */2 * 1#1", "it takes no day of month, `\\*/2`, together with `1#1`"),
    ],
)
def test_expression_that_airflow_reads_in_another_way_is_refused(
    cron: str, told: str
) -> None:
    with pytest.raises(DagError, match=told):
        timetable_literal(Schedule(cron=cron))


CRONS = """
    30 3 * * *      0 3 L * *       0 3 * * 1#2     0 3 * * MON#2   0 3 * * 5L
    0 0 * * MON     0 0 1 * MON     0 0 1-7 * MON   0 0 * JAN *     0 0 * 1,DEC 0
    0 0 * * 7       0 0 * * 5-7     5/15 3 1 * *    0 0 31 * *      30 2 * * *
    0 0 * * 1-5/2   1-5,10-20/3 0 1 * *             0 0 15,L * *    0 0 * * */1
    0 */6 * * *     0 3 * * MON,WED 0 0 */1 * *     0 5-5 * * *     5-5 1 * * *
    0 3 5-5 * *     0 3 3 5-MAY *   0 3 * * 3-3     0 3 * * MON-1   0 3 4-4/9 * 2-2
    0 3 * * 1/3     0 3 * * 5/2     0 3 * * 7/2     0 3 * * 1-7/2   0 3 * * SUN-7
    0 3 * * */3     0 3 * * 0-6     0 3 1 * 0-6     0 3 5,* * *     0 3 */9,5 * *
    0 3 L/2 * *     0 3 * * 05L     0 3 * * 1L,5L   0 3 * * 7#1,2L  0 3 1-31 * MON
""".split()
CRONS = [" ".join(CRONS[first : first + 5]) for first in range(0, len(CRONS), 5)]


# Starts at 2:30 in Berlin when the clock is put forward and back, which Airflow has at
# other times than cron: not right after the gap, and the second time.
NIGHTS = {
    "2026-03-29T01:00:00+00:00": "2026-03-29T01:30:00+00:00",
    "2026-10-25T00:30:00+00:00": "2026-10-25T01:30:00+00:00",
}


def test_airflow_starts_when_cron_does(
    new_airflow: Callable[[], Any], facts: Callable[..., Dag]
) -> None:
    airflow, zone = new_airflow(), "Europe/Berlin"
    for number, cron in enumerate(CRONS):
        schedule = {"cron": cron, "timezone": zone}
        dag = facts(schedule, dag_id=str(number))
        (airflow.dags / f"dag_{number}.py").write_text(dag_text(dag))

    found = airflow.described()

    assert found["errors"] == {}
    begin = datetime(2025, 12, 31, 23, 59, tzinfo=UTC).astimezone(ZoneInfo(zone))
    for number, cron in enumerate(CRONS):
        starts = found["dags"][str(number)]["starts"]
        times = itertools.islice(CronSim(cron, begin), len(starts))
        expected = [time.astimezone(UTC).isoformat() for time in times]
        if cron.startswith("30 2 "):
            for crons, airflows in NIGHTS.items():
                expected[expected.index(crons)] = airflows
        assert starts == expected, cron
        assert len(starts) >= 1


def multiples(every: Any, until: datetime) -> list[datetime]:
    return [_EPOCH + every * n for n in range((until - _EPOCH) // every)]


def starts(cron: str, until: datetime) -> list[datetime]:
    """All minutes that an expression of `*`, `*/n` and numbers names."""
    minutes = range(int((until - _EPOCH).total_seconds()) // 60)
    times = (_EPOCH + timedelta(minutes=minute) for minute in minutes)
    return [
        time
        for time in times
        if all(
            fits(field, value)
            for field, value in zip(
                cron.split(),
                (time.minute, time.hour, time.day, time.month, time.isoweekday() % 7),
                strict=True,
            )
        )
    ]


def fits(field: str, value: int) -> bool:
    if field.startswith("*"):
        return value % int(field[2:] or 1) == 0
    return value == int(field)
