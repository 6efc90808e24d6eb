"""What a scheduler starts, writes down and goes on from, by a clock that is put."""

import errno
import time
from datetime import timedelta
from typing import Any

import pytest
from shardline_tests import load

from shardline.pipeline.schedule.folder import ScheduleFolder
from shardline.pipeline.schedule.start import Start

conftest = load("pipeline/schedule/conftest.py")
NOON, result = conftest.NOON, conftest.result
small_disks = load("torture/small_disks.py")
pytestmark = pytest.mark.orchestration
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_run_is_started_when_it_is_due_and_written_down(scheduled: Any) -> None:
    scheduled.runs_do(f"echo hello\n{result()}")
    scheduled.begin()

    scheduled.look(HOUR - MINUTE)
    assert scheduled.starts == []
    scheduled.look(MINUTE)
    scheduled.look(MINUTE)

    (run,) = scheduled.runs
    assert (run.start, run.started) == (Start(due=NOON + HOUR), NOON + HOUR)
    assert (run.outcome, run.exit_code, run.failure) == ("done", 0, "")
    assert (run.version, run.spans) == ("7", ("2026-11",))
    assert scheduled.folder.log(run.log).read_text() == "hello\n"
    assert list(scheduled.folder.path.glob("logs/*.json")) == []
    (started,) = scheduled.starts
    assert f" run {scheduled.config} --wait --result " in started
    assert f" --output-dir {scheduled.folder.path.parent}" in started
    assert "--spans" not in started


def test_one_run_at_a_time_and_missed_ones_are_one(scheduled: Any) -> None:
    gate = scheduled.folder.path / "gate"
    scheduled.runs_do(f"while [ ! -e {gate} ]; do sleep 0.05; done")
    scheduled.begin()

    scheduled.look(HOUR, ends=False)
    for _ in range(3):
        scheduled.look(HOUR, ends=False)
    assert len(scheduled.starts) <= 1
    gate.touch()
    scheduled.look()
    scheduled.look()

    assert [run.start.due - NOON for run in scheduled.runs] == [HOUR, 4 * HOUR]
    assert scheduled.runs[-1].start.stands_for == 3


def test_missed_runs_are_made_up_for_one_by_one(scheduled: Any) -> None:
    scheduled.schedule("{every: 1h, missed: each}")
    scheduled.begin()

    scheduled.clock.time += 3 * HOUR
    for _ in range(5):
        scheduled.look()

    assert [run.start.due - NOON for run in scheduled.runs] == [
        HOUR,
        2 * HOUR,
        3 * HOUR,
    ]


def test_missed_runs_are_left_out_and_told(scheduled: Any) -> None:
    scheduled.schedule("{every: 1h, missed: skip}")
    scheduled.begin()

    scheduled.look(3.5 * HOUR)
    assert scheduled.runs == []
    assert "3 starts were missed, and are left out" in scheduled.said[-1]
    scheduled.look(0.5 * HOUR)

    assert [run.start.due - NOON for run in scheduled.runs] == [4 * HOUR]


def test_failure_that_can_pass_is_repeated_and_then_told_once(
    scheduled: Any, tmp_path: Any
) -> None:
    told = tmp_path / "told"
    hook = f"[sh, -c, 'echo $SHARDLINE_EVENT $SHARDLINE_ATTEMPT >> {told}']"
    retries = "retries: {attempts: 2, wait: 1m, factor: 3}"
    scheduled.schedule(f"{{every: 1h, {retries}, on_failure: {hook}}}")
    scheduled.runs_do("echo no network; exit 75")
    scheduled.begin()

    scheduled.look(HOUR)
    scheduled.look(MINUTE - timedelta(seconds=1))
    assert len(scheduled.runs) == 1
    assert not told.exists()
    scheduled.look(timedelta(seconds=1))
    scheduled.look(3 * MINUTE)
    for _ in range(10):
        scheduled.look(MINUTE)

    assert [run.start.attempt for run in scheduled.runs] == [1, 2, 3]
    assert {run.failure for run in scheduled.runs} == {"no network"}
    repeated = [
        run.repeated_at and run.repeated_at - run.ended for run in scheduled.runs
    ]
    assert repeated == [MINUTE, 3 * MINUTE, None]
    assert told.read_text() == "failure 3\n"


def test_failure_that_stays_is_not_repeated(scheduled: Any) -> None:
    scheduled.runs_do(result(1))
    scheduled.begin()

    scheduled.look(HOUR)
    for _ in range(10):
        scheduled.look(MINUTE)

    (run,) = scheduled.runs
    assert (run.outcome, run.exit_code, run.failure) == ("failed", 1, "refused")


def test_run_that_was_killed_is_told_and_repeated(scheduled: Any) -> None:
    scheduled.runs_do("echo of the run; kill -KILL $$")
    scheduled.begin()

    scheduled.look(HOUR)

    (run,) = scheduled.runs
    assert (run.outcome, run.exit_code) == ("failed", 137)
    assert run.failure.startswith("`shardline run` was ended by SIGKILL")
    assert run.repeated_at


def test_spans_are_trained_on_one_a_run_until_none_is_due(
    scheduled: Any, spans_config: Any
) -> None:
    scheduled.text = spans_config.read_text()
    scheduled.schedule("{every: 1h}")
    scheduled.runs_do(result(more=True))
    scheduled.begin()

    scheduled.look(HOUR)
    scheduled.look()
    scheduled.runs_do(result())
    scheduled.look()
    scheduled.look()

    assert [run.is_more_due for run in scheduled.runs] == [True, True, False]
    assert {run.start for run in scheduled.runs} == {Start(due=NOON + HOUR)}
    assert all(line.endswith(" --spans 1") for line in scheduled.starts)


def test_paused_schedule_leaves_out_what_is_due_and_does_what_is_asked_for(
    scheduled: Any,
) -> None:
    scheduled.begin()
    scheduled.folder.pause(NOON)

    scheduled.look(2.5 * HOUR)
    assert scheduled.runs == []
    scheduled.folder.trigger(scheduled.clock.now())
    scheduled.look()
    scheduled.folder.resume()
    scheduled.look(0.1 * HOUR)
    scheduled.look(0.4 * HOUR)

    asked, due = scheduled.runs
    assert asked.start == Start(kind="triggered", due=NOON + 2.5 * HOUR)
    assert due.start == Start(due=NOON + 3 * HOUR)
    assert scheduled.folder.triggered_at() is None


def test_start_that_was_asked_for_begins_once(scheduled: Any) -> None:
    scheduled.begin()
    scheduled.folder.trigger(NOON)
    scheduled.look()
    # It was killed before it could remove the file.
    scheduled.folder.trigger(NOON)
    scheduled.begin()
    scheduled.look()
    scheduled.look()

    assert len(scheduled.runs) == 1
    assert scheduled.folder.triggered_at() is None


def test_stopped_scheduler_ends_its_run_and_the_next_one_starts_it_again(
    scheduled: Any,
) -> None:
    scheduled.runs_do("trap 'exit 143' TERM\nwhile :; do sleep 0.05; done")
    scheduled.begin()
    scheduled.look(HOUR, ends=False)
    while not scheduled.starts:
        time.sleep(0.01)

    scheduled.scheduler.stop()

    (run,) = scheduled.runs
    assert (run.outcome, run.exit_code) in {("interrupted", 143)}
    scheduled.runs_do("exit 0")
    scheduled.begin()
    scheduled.look()
    assert [run.outcome for run in scheduled.runs] == ["interrupted", "done"]
    assert {run.start for run in scheduled.runs} == {Start(due=NOON + HOUR)}


def test_schedule_begins_anew_when_its_rhythm_is_another(scheduled: Any) -> None:
    scheduled.begin()
    scheduled.look(0.5 * HOUR)

    scheduled.schedule("{every: 20m}")
    scheduled.look(0.25 * HOUR)
    assert scheduled.runs == []
    scheduled.look(0.25 * HOUR)

    assert [run.start.due - NOON for run in scheduled.runs] == [HOUR]


def test_faulty_configuration_is_told_and_the_mended_one_taken_up(
    scheduled: Any,
) -> None:
    scheduled.runs_do("echo faulty; exit 1")
    scheduled.begin()
    scheduled.config.write_text("name: [")

    scheduled.look(HOUR)
    assert any("The configuration is faulty: " in line for line in scheduled.said)
    assert [run.failure for run in scheduled.runs] == ["faulty"]
    scheduled.schedule("{every: 30m}")
    scheduled.look()
    scheduled.look(0.5 * HOUR)

    assert scheduled.runs[-1].start.due == NOON + 1.5 * HOUR


def test_other_name_is_told_and_not_taken_up(scheduled: Any) -> None:
    scheduled.begin()
    text = scheduled.text
    scheduled.text = text.replace("name: small", "name: other")
    scheduled.schedule("{every: 30m}")

    scheduled.look(HOUR / 2)

    assert scheduled.runs == []
    told = f"{scheduled.config}:2: `name`: it is 'other' now, and was 'small' when the "
    assert any(told in line for line in scheduled.said), scheduled.said
    scheduled.text = text
    scheduled.schedule("{every: 30m}")
    scheduled.look(HOUR / 2)
    assert "Schedule: every 30m" in scheduled.said[-1]


def test_nothing_starts_while_it_cannot_be_written_down(
    scheduled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled.begin()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(ScheduleFolder, "save", full)
        scheduled.look(HOUR)
        scheduled.look(MINUTE)
        assert scheduled.starts == []
    scheduled.look(MINUTE)
    scheduled.look()

    assert [run.start.due - NOON for run in scheduled.runs] == [HOUR]
    told = [line for line in scheduled.said if "No space left on device" in line]
    assert len(told) == 1
    assert any("can be written again" in line for line in scheduled.said)


def test_run_that_ends_on_a_full_disk_is_written_down_later(
    scheduled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled.begin()
    scheduled.look(HOUR, ends=False)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(ScheduleFolder, "add_to_history", full)
        while scheduled.scheduler._process:
            scheduled.look(ends=False)
        assert scheduled.runs == []
    scheduled.look()

    assert [run.outcome for run in scheduled.runs] == ["done"]
    assert scheduled.state.running is None


def test_full_disk_keeps_no_half_written_file_and_loses_no_run(
    scheduled: Any, tmp_path: Any
) -> None:
    with small_disks.mounted("tmpfs", tmp_path) as disk:
        scheduled.runs_into(disk.path / "run")
        scheduled.begin()
        gate = tmp_path / "gate"
        scheduled.runs_do(f"while [ ! -e {gate} ]; do sleep 0.05; done")
        scheduled.look(HOUR, ends=False)
        disk.fill(0)
        gate.touch()
        while scheduled.scheduler._process:
            scheduled.look(ends=False)
        scheduled.look(HOUR, ends=False)
        scheduled.look(MINUTE, ends=False)
        assert scheduled.runs == []
        assert len(scheduled.starts) == 1
        left = [path.name for path in scheduled.folder.path.glob(".*")]

        disk.empty()
        scheduled.look()
        scheduled.look()

        assert left == []
        assert [run.start.due - NOON for run in scheduled.runs] == [HOUR, 2 * HOUR]


def test_program_that_cannot_be_started_is_a_failure_that_can_pass(
    scheduled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled.begin()
    monkeypatch.setattr("sys.executable", "/absent/python")

    scheduled.look(HOUR)

    (run,) = scheduled.runs
    assert run.exit_code == 75
    assert "could not be started" in run.failure
    assert run.repeated_at
