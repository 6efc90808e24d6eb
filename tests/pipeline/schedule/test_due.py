"""Which start is due, what follows on a run, and how long a repetition waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shardline.configs.schedule import Retries, Schedule
from shardline.pipeline.schedule.due import look, wait_before, what_follows
from shardline.pipeline.schedule.rhythm import Rhythm
from shardline.pipeline.schedule.start import PastRun, Start

pytestmark = pytest.mark.orchestration
HOURLY = Rhythm(Schedule(every="1h"))
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, MINUTE, SECOND = (
    timedelta(**{unit: 1}) for unit in ("hours", "minutes", "seconds")
)


def looked(missed: Any, now: datetime, **times: datetime) -> Any:
    seen = {"seen_until": NOON, "free_since": NOON, **times}
    return look(HOURLY, missed, now=now, **seen)


@pytest.mark.parametrize("missed", ["once", "each", "skip"])
def test_nothing_is_due_between_two_times(missed: str) -> None:
    assert looked(missed, NOON + HOUR - SECOND) == (None, NOON, 0)


@pytest.mark.parametrize("missed", ["once", "each", "skip"])
def test_start_is_due_once(missed: str) -> None:
    now = NOON + HOUR + SECOND

    start, seen, skipped = looked(missed, now)

    assert start == Start(due=NOON + HOUR)
    assert skipped == 0
    assert looked(missed, now, seen_until=seen).start is None


def test_missed_starts_are_one_start() -> None:
    start, seen, _ = looked("once", NOON + 3.5 * HOUR)

    assert start == Start(due=NOON + 3 * HOUR, stands_for=3)
    assert seen == NOON + 3 * HOUR


def test_missed_starts_are_made_up_for_one_by_one() -> None:
    seen, found = NOON, []
    for _ in range(4):
        start, seen, _ = looked("each", NOON + 3.5 * HOUR, seen_until=seen)
        found.append(start and start.due - NOON)

    assert found == [HOUR, 2 * HOUR, 3 * HOUR, None]


@pytest.mark.parametrize(
    "free_since",
    [NOON, NOON + 3.4 * HOUR],
    ids=["the machine slept", "another run went on"],
)
def test_missed_starts_are_left_out(free_since: datetime) -> None:
    now = NOON + 3.5 * HOUR

    assert looked("skip", now, free_since=free_since) == (None, NOON + 3 * HOUR, 3)


def test_start_on_time_is_not_left_out_with_those_before() -> None:
    start, _, skipped = looked("skip", NOON + 3 * HOUR + SECOND)

    assert start == Start(due=NOON + 3 * HOUR)
    assert skipped == 2


@pytest.mark.parametrize("missed", ["once", "each", "skip"])
def test_clock_that_is_put_back_a_little_repeats_nothing(missed: str) -> None:
    later, start = NOON + HOUR + SECOND, looked(missed, NOON + HOUR + SECOND)

    for now in (later - HOUR, later - MINUTE, later):
        again = looked(missed, now, seen_until=start.seen_until)
        assert again.start is None
        assert again.seen_until == start.seen_until


def test_clock_that_was_far_ahead_is_forgotten() -> None:
    start, seen, _ = looked("once", NOON, seen_until=NOON + timedelta(days=4000))

    assert start is None
    assert seen == NOON
    assert looked("once", NOON + HOUR, seen_until=seen).start == Start(due=NOON + HOUR)


def past(
    outcome: Any, code: int | None = None, attempt: int = 1, **more: Any
) -> PastRun:
    return PastRun(
        start=Start(due=NOON, attempt=attempt),
        started=NOON,
        ended=NOON + MINUTE,
        outcome=outcome,
        exit_code=code,
        log="a.log",
        **more,
    )


RETRIES = Retries(attempts=2, wait="1m", factor=3, longest="2m")


@pytest.mark.parametrize("code", [75, 137, 143, 129])
def test_failure_that_can_pass_is_repeated_later_and_later(code: int) -> None:
    first = what_follows(past("failed", code), RETRIES)
    second = what_follows(past("failed", code, attempt=2), RETRIES)

    assert first
    assert second
    assert (first.start.attempt, first.at) == (2, NOON + 2 * MINUTE)
    assert (second.start.attempt, second.at) == (3, NOON + 3 * MINUTE)
    assert what_follows(past("failed", code, attempt=3), RETRIES) is None


@pytest.mark.parametrize("code", [1, 2, 134, 139])
def test_failure_that_stays_is_not_repeated(code: int) -> None:
    assert what_follows(past("failed", code), RETRIES) is None


@pytest.mark.parametrize(("outcome", "killed"), [("interrupted", 0), ("killed", 1)])
def test_run_that_was_ended_with_its_scheduler_starts_again(
    outcome: str, killed: int
) -> None:
    follows = what_follows(past(outcome, 143, attempt=3), Retries(attempts=0))

    assert follows
    assert follows.start == Start(due=NOON, attempt=3, killed=killed)
    assert follows.at == NOON + MINUTE


def test_run_whose_scheduler_is_killed_again_and_again_waits_and_is_given_up() -> None:
    run, waits = past("killed"), []
    while follows := what_follows(run, RETRIES):
        waits.append(follows.wait)
        run = run.model_copy(update={"start": follows.start})

    assert waits == [0 * MINUTE, MINUTE, 2 * MINUTE]
    assert run.start == Start(due=NOON, attempt=3, killed=3)


def test_kills_that_are_not_in_a_row_do_not_count() -> None:
    killed = past("killed").start.model_copy(update={"killed": 1})
    for outcome, code, more in (("failed", 75, False), ("done", 0, True)):
        run = past(outcome, code, is_more_due=more)
        follows = what_follows(run.model_copy(update={"start": killed}), RETRIES)
        assert follows
        assert follows.start.killed == 0


def test_run_that_leaves_more_to_do_is_followed_at_once() -> None:
    done = what_follows(past("done", 0, attempt=2, is_more_due=True), RETRIES)
    refused = what_follows(past("failed", 1, is_more_due=True), RETRIES)

    assert done
    assert done.start == Start(due=NOON)
    assert refused
    assert what_follows(past("done", 0), RETRIES) is None


def test_waiting_is_bounded_however_often_it_grows() -> None:
    waits = [wait_before(number, RETRIES) for number in (1, 2, 3, 5000)]

    assert waits == [MINUTE, 2 * MINUTE, 2 * MINUTE, 2 * MINUTE]
