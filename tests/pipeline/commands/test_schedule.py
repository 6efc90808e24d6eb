"""`shardline schedule`: a scheduler of its own process, and what people tell it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from typer.testing import Result

from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.schedule.folder import ScheduleFolder, SchedulerState
from shardline.pipeline.schedule.start import PastRun, Start, Waiting

stopped_run = load("pipeline/test_stopped_run.py")
pytestmark = pytest.mark.orchestration
_TIME_LIMIT_S = 60
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
_PROGRAM = "from shardline.pipeline.commands.entry import main; main()"
_SHARDLINE = (sys.executable, "-P", "-c", _PROGRAM)


@pytest.fixture
def config(small_config: Callable[..., Path]) -> Path:
    """The small configuration, once a day."""
    path = small_config()
    path.write_text(f"{path.read_text()}\nschedule: {{cron: 30 3 * * *}}\n")
    return path


@pytest.fixture
def scheduler(config: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A scheduler that runs, into the folder `run`."""
    with subprocess.Popen(
        [*_SHARDLINE, "schedule", config, "--output-dir", tmp_path / "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        assert "Schedule: cron 30 3 * * * (UTC). The next start" in (
            process.stdout.readline()
        )
        yield process
        process.kill()


def status(invoke: Callable[..., Result], config: Path, folder: Path) -> Any:
    result = invoke("schedule", "status", config, "--output-dir", folder, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def until(condition: Callable[[], Any]) -> None:
    deadline_s = time.monotonic() + _TIME_LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def test_run_that_is_asked_for_waits_for_one_by_hand_and_ends_with_the_scheduler(
    invoke: Callable[..., Result],
    config: Path,
    tmp_path: Path,
    scheduler: subprocess.Popen[str],
) -> None:
    folder = tmp_path / "run"
    with RunFolder(folder).held():
        told = invoke("schedule", "trigger", config, "--output-dir", folder)
        assert told.output == "A run starts within seconds\n"
        until(lambda: status(invoke, config, folder)["running"])
        again = invoke("schedule", "trigger", config, "--output-dir", folder)
        assert "The next one starts once it has ended" in again.output
        (log,) = folder.glob("schedule/logs/*.log")
        until(lambda: "Waiting for it" in log.read_text())

        second = invoke("schedule", config, "--output-dir", folder)
        assert second.exit_code == 1
        told = f"The run folder {folder} has a scheduler: process {scheduler.pid} since"
        assert second.output.startswith(told)

        scheduler.send_signal(signal.SIGTERM)
        printed, _ = scheduler.communicate(timeout=_TIME_LIMIT_S)

    assert scheduler.returncode == 128 + signal.SIGTERM
    assert "Stops, and ends the run that goes on" in printed
    assert "Traceback" not in printed
    assert stopped_run.processes_with(str(folder)) == []
    found = status(invoke, config, folder)
    assert found["scheduler"] is None
    assert [run["outcome"] for run in found["runs"]] == ["interrupted"]
    assert found["waiting"]["why"] == "its run was interrupted"
    assert found["triggered_at"]  # the second one


def test_run_of_a_killed_scheduler_ends_by_itself(
    invoke: Callable[..., Result],
    config: Path,
    tmp_path: Path,
    scheduler: subprocess.Popen[str],
) -> None:
    folder = tmp_path / "run"
    with RunFolder(folder).held():
        invoke("schedule", "trigger", config, "--output-dir", folder)
        until(lambda: list(folder.glob("schedule/logs/*.log")))
        until(lambda: len(stopped_run.processes_with(str(folder))) == 2)
        (log,) = folder.glob("schedule/logs/*.log")
        until(lambda: "Waiting for it" in log.read_text())

        scheduler.kill()
        scheduler.wait()

        until(lambda: stopped_run.processes_with(str(folder)) == [])
    lines = invoke("schedule", "status", config, "--output-dir", folder).output
    assert "Scheduler: none runs, so nothing starts" in lines
    assert "Running when it was killed: since " in lines


def test_schedule_without_a_scheduler_is_told_what_to_do_later(
    invoke: Callable[..., Result], config: Path, tmp_path: Path
) -> None:
    def said(*command: str) -> str:
        result = invoke("schedule", *command, config, "--output-dir", tmp_path / "run")
        assert result.exit_code == 0, result.output
        return result.output

    assert "Schedule: cron 30 3 * * * (UTC), into " in said("status")
    assert said("resume") == "Not paused\n"
    paused = said("pause")
    assert paused.startswith("Paused: what is due from now on is left out")
    assert paused.endswith(
        f"\nNo scheduler runs on {tmp_path / 'run'}, so nothing starts\n"
    )
    assert said("pause").startswith("Paused already, since 20")
    assert "Paused since 20" in said("status")
    told = said("trigger")
    folder = tmp_path / "run"
    nobody = f"No scheduler runs on {folder}"
    assert told == (
        f"{nobody}. The run starts as soon as one does: "
        f"shardline schedule {config} --output-dir {folder}\n"
    )
    assert said("trigger").startswith("A run is asked for already, since 20")
    assert ", not begun" in said("status")
    resumed = said("resume")
    assert resumed.startswith("Resumed.")
    assert f"{nobody}, so nothing starts" in resumed
    assert "Paused" not in said("status")


def test_times_are_those_of_the_schedules_zone_and_what_waits_is_told(
    invoke: Callable[..., Result], config: Path, tmp_path: Path
) -> None:
    zone = "schedule: {timezone: Asia/Tokyo, "
    config.write_text(config.read_text().replace("schedule: {", zone))
    folder = ScheduleFolder(RunFolder(tmp_path))
    folder.make()
    start = Start(due=NOON)
    waiting = Waiting(start=start, at=NOON, why="its failure can pass", log="a.log")
    folder.save(SchedulerState(seen_until=NOON, waiting=waiting))
    run = PastRun(start=start, started=NOON, ended=NOON, outcome="done", log="a.log")
    folder.add_to_history([run], kept=1)
    folder.pause(NOON)

    told = {
        command: invoke("schedule", command, config, "--output-dir", tmp_path).output
        for command in ("status", "pause", "resume")
    }

    assert told["status"].count("2026-11-30 21:00:00 JST") == 5
    assert "Paused already, since 2026-11-30 21:00:00 JST" in told["pause"]
    again = "The start due at 2026-11-30 21:00:00 JST comes again, for its failure can"
    assert again in told["resume"]


def test_status_names_a_fault_and_shows_the_rest(
    invoke: Callable[..., Result],
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = config.read_text()
    config.write_text(text.replace("min_auc: 0.55", "min_auc: high"))
    invoke("schedule", "pause", config)

    result = invoke("schedule", "status", config)

    assert result.exit_code == 0
    assert f"{config}:31: `evaluation.min_auc`: " in result.output
    assert "Paused since " in result.output
    assert (tmp_path / "runs" / "small" / "schedule").is_dir()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("", "there is no section `schedule`, which says when runs start; add one"),
        (
            "schedule: {cron: 0 0 30 2 *}",
            "`schedule.cron`: this cron expression never fires: no month that it names "
            "has such a day, got '0 0 30 2 *'.",
        ),
        ("schedule: {cron: 0 25 * * *}", "it cannot be read in its hour, got '0 25"),
        ("schedule: {cron: '@daily'}", "a cron expression has five fields: minute"),
        ("schedule: {every: 1w}", "a duration is a whole number above 0 and a unit"),
    ],
)
def test_schedule_that_cannot_be_is_a_fault_with_its_line(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    section: str,
    message: str,
) -> None:
    path = small_config()
    path.write_text(f"{path.read_text()}\n{section}\n")

    result = invoke("schedule", path, "--output-dir", tmp_path / "run")

    assert result.exit_code == 1
    assert message in result.output
    assert result.output.startswith(f"{path}:")
    assert not (tmp_path / "run").exists()


def test_damaged_state_is_named(
    invoke: Callable[..., Result], config: Path, tmp_path: Path
) -> None:
    (tmp_path / "schedule").mkdir()
    (tmp_path / "schedule" / "state.json").write_text("{")

    for command in (["status"], ["resume"], []):
        if command == ["resume"]:
            (tmp_path / "schedule" / "paused.json").write_text("{}")
        result = invoke("schedule", *command, config, "--output-dir", tmp_path)
        assert result.exit_code == 1
        assert "state.json is damaged: " in result.output
