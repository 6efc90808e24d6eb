"""A scheduler in the place of one that was killed: what it notes and goes on with."""

import time
from datetime import timedelta
from typing import Any

import pytest
from shardline_tests import load

from shardline.pipeline.schedule.start import Start

conftest = load("pipeline/schedule/conftest.py")
NOON, result = conftest.NOON, conftest.result
pytestmark = pytest.mark.orchestration
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_run_of_a_killed_scheduler_is_told_and_started_again(scheduled: Any) -> None:
    scheduled.runs_do("sleep 0.1")
    scheduled.begin()
    scheduled.look(HOUR, ends=False)

    scheduled.begin()
    scheduled.look(MINUTE)

    killed, again = scheduled.runs
    assert (killed.outcome, killed.exit_code) == ("killed", None)
    assert again.start == killed.start.model_copy(update={"killed": 1})
    assert (again.outcome, again.started) == ("done", NOON + HOUR + MINUTE)


def test_end_that_was_written_down_by_half_is_not_told_twice(scheduled: Any) -> None:
    scheduled.runs_do(result(75))
    scheduled.begin()
    scheduled.look(HOUR, ends=False)
    running = scheduled.state
    scheduled.look()
    scheduled.folder.save(running)  # it was killed between the two files

    scheduled.begin()

    assert [run.outcome for run in scheduled.runs] == ["failed"]
    assert scheduled.state.waiting.start == Start(due=NOON + HOUR, attempt=2)


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, "done"), (1, "failed"), (143, "killed")]
)
def test_run_that_ended_while_no_scheduler_ran_is_noted_as_it_ended(
    code: int, outcome: str, scheduled: Any
) -> None:
    scheduled.runs_do(result(code))
    scheduled.begin()
    scheduled.look(HOUR, ends=False)
    running = scheduled.state.running
    written = scheduled.folder.result(running.log)
    while not (written.exists() and written.read_text()):
        time.sleep(0.01)

    scheduled.begin()

    (run,) = scheduled.runs
    assert run.outcome == outcome
    assert (run.version, run.spans) == (
        ("", ()) if outcome == "killed" else ("7", ("2026-11",))
    )
    assert run.exit_code == (None if outcome == "killed" else code)
    assert not written.exists()


def test_run_whose_schedulers_are_killed_is_given_up_and_told(
    scheduled: Any, tmp_path: Any
) -> None:
    told = tmp_path / "told"
    hook = f"[sh, -c, 'echo $SHARDLINE_EVENT $SHARDLINE_EXIT_CODE >> {told}']"
    retries = "retries: {attempts: 1, wait: 1m}"
    scheduled.schedule(f"{{every: 1d, {retries}, on_failure: {hook}}}")
    scheduled.runs_do("sleep 0.2")
    scheduled.begin()
    scheduled.look(12 * HOUR, ends=False)
    scheduled.begin()
    scheduled.look(MINUTE, ends=False)
    scheduled.begin()
    scheduled.look(0.5 * MINUTE, ends=False)
    assert scheduled.state.running is None  # it waits
    scheduled.look(0.5 * MINUTE, ends=False)
    assert not told.exists()
    scheduled.begin()
    scheduled.look(MINUTE)

    assert [run.outcome for run in scheduled.runs] == ["killed"] * 3
    assert [run.start.attempt for run in scheduled.runs] == [1, 1, 2]
    assert told.read_text() == "failure\n"


def test_command_is_called_by_the_next_scheduler_if_one_was_killed_before(
    scheduled: Any, tmp_path: Any
) -> None:
    told = tmp_path / "told"
    hook = f"[sh, -c, 'echo $SHARDLINE_EVENT >> {told}']"
    scheduled.schedule(f"{{every: 1h, on_failure: {hook}}}")
    scheduled.runs_do(result(1))
    scheduled.begin()
    scheduled.look(HOUR, ends=False)
    running = scheduled.state
    scheduled.look()
    told.unlink()
    scheduled.folder.save(running)

    scheduled.begin()

    assert told.read_text() == "failure\n"
    assert scheduled.state.running is None
