"""A scheduler on clocks that are put forward and back, and its deadlines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shardline_tests import load

from shardline.pipeline.schedule.start import Start

NOON = load("pipeline/schedule/conftest.py").NOON
pytestmark = pytest.mark.orchestration
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_clock_that_is_put_back_delays_no_repetition(scheduled: Any) -> None:
    scheduled.schedule("{every: 1h, retries: {wait: 1m}}")
    scheduled.runs_do("exit 75")
    scheduled.begin()
    scheduled.look(HOUR)

    scheduled.look(-2 * HOUR)
    scheduled.look(MINUTE)

    assert [run.start.attempt for run in scheduled.runs] == [1, 2]


@pytest.mark.parametrize(
    "day", [(2026, 3, 29), (2026, 10, 25)], ids=["spring", "autumn"]
)
def test_night_in_which_clocks_are_put_has_one_start(
    day: tuple[int, int, int], scheduled: Any
) -> None:
    scheduled.schedule("{cron: 30 2 * * *, timezone: Europe/Berlin}")
    scheduled.clock.time = datetime(*day, tzinfo=UTC) - HOUR
    scheduled.begin()

    for _ in range(5 * 12):
        scheduled.look(5 * MINUTE)

    assert len(scheduled.runs) == 1


def test_clock_that_was_wrong_for_a_while_starts_what_is_due_again(
    scheduled: Any,
) -> None:
    scheduled.begin()
    scheduled.look(timedelta(days=4000))  # of a machine without a battery
    scheduled.look(-timedelta(days=4000))

    scheduled.look(HOUR)

    far, due = scheduled.runs
    assert far.start.stands_for == 1000
    assert due.start == Start(due=NOON + HOUR)


def test_late_run_is_told_once_and_goes_on(scheduled: Any, tmp_path: Any) -> None:
    told, gate = tmp_path / "told", tmp_path / "gate"
    hook = f"[sh, -c, 'echo $SHARDLINE_EVENT $SHARDLINE_DUE >> {told}']"
    scheduled.schedule(f"{{every: 1h, deadline: 10m, on_late: {hook}}}")
    scheduled.runs_do(f"while [ ! -e {gate} ]; do sleep 0.05; done")
    scheduled.begin()

    scheduled.look(HOUR, ends=False)
    scheduled.look(10 * MINUTE, ends=False)
    assert not told.exists()
    scheduled.look(MINUTE, ends=False)
    scheduled.look(MINUTE, ends=False)
    gate.touch()
    scheduled.look()

    assert told.read_text() == "late 2026-11-30T13:00:00+00:00\n"
    assert [run.outcome for run in scheduled.runs] == ["done"]


def test_start_that_begins_after_its_deadline_is_late_at_once(scheduled: Any) -> None:
    scheduled.schedule("{every: 1h, deadline: 10m}")
    scheduled.begin()

    scheduled.look(1.5 * HOUR)

    assert any(
        "Late: the start due at 2026-11-30 13:00" in line for line in scheduled.said
    )
