"""A scheduler whose clock stands until it is put, and whose runs are shell scripts."""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.schedule import run_process
from shardline.pipeline.schedule.clock import Clock
from shardline.pipeline.schedule.folder import ScheduleFolder, SchedulerState
from shardline.pipeline.schedule.scheduler import Scheduler
from shardline.pipeline.schedule.start import PastRun
from shardline.pipeline.schedule.watched_config import WatchedConfig

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
# $result is where the run writes what came of it.
HEAD = """#!/bin/sh
echo "$@" >> {started}
while [ "$1" != --result ]; do shift; done
result=$2
"""
_RESULT = (
    'echo \'{"exit_code": CODE, "version": "7", "spans": ["2026-11"], '
    '"failure": "refused", "is_more_due": MORE, "log": "a"}\' > "$result"\n'
)
_TIME_LIMIT_S = 120


def result(code: int = 0, *, more: bool = False) -> str:
    """What a run does that writes what came of it and ends so."""
    text = _RESULT.replace("CODE", str(code)).replace("MORE", str(more).lower())
    return f"{text}exit {code}\n"


class SetClock(Clock):
    """A clock that stands."""

    time = NOON

    def now(self) -> datetime:
        return self.time


class Scheduled:
    """A scheduler, and everything around it."""

    def __init__(self, config: Path, folder: Path, make_python: Callable[[str], None]):
        self.config, self.clock, self.said = config, SetClock(), list[str]()
        self.text = config.read_text()
        self.started = folder / "started"
        self._make_python = make_python
        self.runs_into(folder / "run")

    def begin(self) -> None:
        """Starts the scheduler, or another one in the place of one that is gone."""
        self.scheduler = Scheduler(
            WatchedConfig(self.config), self._run_folder, self.clock, self.said.append
        )

    def runs_into(self, root: Path) -> None:
        """Sets the run folder, and makes it."""
        self._run_folder = RunFolder(root)
        self.folder = ScheduleFolder(self._run_folder)
        self.folder.make()

    def runs_do(self, script: str) -> None:
        """Sets what a run does, in shell."""
        self._make_python(HEAD.format(started=self.started) + script)

    def schedule(self, section: str) -> None:
        """Writes the configuration with a section `schedule`."""
        self.config.write_text(f"{self.text}\nschedule: {section}\n")

    def look(self, *later: timedelta, ends: bool = True) -> None:
        """Puts the clock, looks, and looks until the run has ended."""
        self.clock.time += sum(later, timedelta())
        self.scheduler.look()
        deadline_s = time.monotonic() + _TIME_LIMIT_S
        while ends and self.state.running:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
            self.scheduler.look()

    @property
    def state(self) -> SchedulerState:
        state = self.folder.state()
        assert state
        return state

    @property
    def runs(self) -> list[PastRun]:
        return self.folder.history()

    @property
    def starts(self) -> list[str]:
        """The command lines of the runs that were started."""
        with contextlib.suppress(FileNotFoundError):
            return self.started.read_text().splitlines()
        return []


@pytest.fixture
def scheduled(
    small_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Scheduled:
    """A schedule of every hour, at noon; its runs do nothing and end well."""

    def make_python(script: str) -> None:
        python = tmp_path / "python"
        python.with_suffix(".new").write_text(script)
        python.with_suffix(".new").chmod(0o755)
        python.with_suffix(".new").replace(python)
        monkeypatch.setattr(run_process.sys, "executable", str(python))

    made = Scheduled(small_config(), tmp_path, make_python)
    made.runs_do("exit 0")
    made.schedule("{every: 1h}")
    return made
