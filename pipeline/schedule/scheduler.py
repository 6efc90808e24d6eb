"""The scheduler: looks once a second what is due, starts it, and follows the run.

Each look reads the clock and the files anew, so that it does not matter who puts the
clock, changes the configuration, pauses the schedule or asks for a start. All that it
knows is on disk before it acts on it; the next scheduler goes on from there.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from shardline.components.execution.exit_status import exit_code_of_end, how_ended
from shardline.configs.schedule import Retries
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.passing import CAN_PASS
from shardline.pipeline.runners.result import RunResult, load_result
from shardline.pipeline.schedule import hooks
from shardline.pipeline.schedule.clock import Clock
from shardline.pipeline.schedule.due import look, what_follows
from shardline.pipeline.schedule.folder import ScheduleFolder, SchedulerState
from shardline.pipeline.schedule.journal import Journal
from shardline.pipeline.schedule.rhythm import Rhythm
from shardline.pipeline.schedule.run_process import RunProcess, ShardlineRun
from shardline.pipeline.schedule.start import Outcome, PastRun, Running, Start
from shardline.pipeline.schedule.told import (
    clock_time,
    facts_of_run,
    facts_of_start,
    run_told,
    start_told,
)
from shardline.pipeline.schedule.watched_config import WatchedConfig

_LOOK_S = 1.0
_LAST_BYTES = 4096
# How a run ends that its scheduler has told to.
_STOPPED = (130, 137, 143)

Launch = Callable[[list[str], Path], RunProcess]


class Scheduler:
    """Starts the runs of one run folder, one at a time; its caller holds the lock."""

    def __init__(
        self,
        config: WatchedConfig,
        run_folder: RunFolder,
        clock: Clock,
        say: Callable[[str], None],
        launch: Launch = ShardlineRun,
    ):
        """Goes on from what is on disk.

        Args:
            config: the configuration.
            run_folder: where outputs go; its folders exist.
            clock: what time it is, and when to stop.
            say: tells people, a line at a time.
            launch: starts `shardline` with arguments; what it prints goes to a file.

        Raises:
            ScheduleStateError: if what is on disk cannot be gone on from.
            OSError: if remains of a killed scheduler cannot be removed.
        """
        self._config, self._run_folder = config, run_folder
        self._clock, self._tell, self._launch = clock, say, launch
        self._folder = ScheduleFolder(run_folder)
        self._free_since = now = clock.now()
        state = self._folder.state() or SchedulerState(seen_until=now)
        self._folder.remove_remains(state.running)
        self._journal = Journal(self._folder, state, self._say)
        self._process: RunProcess | None = None
        self._take_up_config(now)
        self._recover(now)

    def run(self) -> None:
        """Schedules until the clock says to stop, then ends the run that goes on."""
        while not self._clock.stopped_by:
            self.look()
            self._clock.wait(_LOOK_S)
        self.stop()

    def look(self) -> None:
        """Looks once at the clock, the files and the run, and does what is due."""
        now = self._clock.now()
        if self._config.has_changed():
            self._take_up_config(now)
        self._journal.write()
        if self._process is None:
            self._start_what_is_due(now)
        elif (code := self._process.exit_code()) is not None:
            self._came_to_end(code, now)
        self._tell_if_late(now)

    def stop(self) -> None:
        """Ends the run that goes on; the next scheduler starts it again."""
        if self._process:
            self._say("Stops, and ends the run that goes on")
            code = self._process.stop()
            is_stopped = exit_code_of_end(code) in _STOPPED
            self._came_to_end(
                code, self._clock.now(), "interrupted" if is_stopped else None
            )

    def _take_up_config(self, now: datetime) -> None:
        if self._config.fault:
            self._say(f"The configuration is faulty: {self._config.fault}")
        schedule, state = self._config.schedule, self._journal.state
        rhythm = Rhythm(schedule)
        if rhythm.name != state.rhythm:
            changed = state.model_copy(
                update={"rhythm": rhythm.name, "seen_until": now}
            )
            self._journal.change(changed)
        if not self._config.fault:
            following = clock_time(rhythm.after(now), schedule)
            self._say(f"Schedule: {rhythm.name}. The next start is due at {following}")

    def _recover(self, now: datetime) -> None:
        """Says what became of the run that went on when a scheduler was killed."""
        if not (running := self._journal.state.running):
            return
        known = [
            run for run in self._folder.history() if run.started == running.started
        ]
        result = load_result(self._folder.result(running.log))
        if known:  # it was killed between writing the one and the other
            self._go_on_after(known[-1])
        elif result and result.exit_code not in _STOPPED:
            self._finish(self._past(running, now, result.exit_code, result=result))
        else:
            killed = "Its scheduler was killed, and it ended with it."
            self._finish(self._past(running, now, None, "killed", failure=killed))
        self._remove_result(running)

    def _start_what_is_due(self, now: datetime) -> None:
        state = self._journal.state
        asked = self._folder.triggered_at()
        if asked and asked == state.triggered:  # it has begun
            self._folder.take_trigger()
        elif asked:
            start = Start(kind="triggered", due=asked)
            if self._begin(start, now, triggered=asked):
                self._folder.take_trigger()
        elif self._folder.paused_since():
            self._pass_over(now)
        elif waiting := state.waiting:
            if waiting.at - now > waiting.wait:  # the clock was put back
                later = waiting.model_copy(update={"at": now + waiting.wait})
                self._set(waiting=later)
            elif waiting.at <= now:
                self._begin(waiting.start, now)
        else:
            self._look_at_rhythm(now)

    def _look_at_rhythm(self, now: datetime) -> None:
        schedule, state = self._config.schedule, self._journal.state
        self._free_since = min(self._free_since, now)
        looked = look(
            Rhythm(schedule),
            schedule.missed,
            seen_until=state.seen_until,
            free_since=self._free_since,
            now=now,
        )
        if looked.skipped:
            self._say(f"{looked.skipped} starts were missed, and are left out")
        if looked.start:
            self._begin(looked.start, now, seen_until=looked.seen_until)
        elif looked.seen_until != state.seen_until:
            self._set(seen_until=looked.seen_until)

    def _pass_over(self, now: datetime) -> None:
        """Leaves out what is due while the schedule is paused."""
        rhythm = Rhythm(self._config.schedule)
        if rhythm.after(self._journal.state.seen_until) <= now:
            self._set(seen_until=rhythm.until(now))
            self._say("A start was due and is left out: the schedule is paused")

    def _begin(self, start: Start, now: datetime, **changed: datetime) -> bool:
        """Starts a run, unless that cannot be written down."""
        running = Running(start=start, started=now, log=self._folder.log_name(now))
        changes = {"running": running, "waiting": None, **changed}
        state = self._journal.state.model_copy(update=changes)
        if not self._journal.change_at_once(state):
            return False
        self._say(f"Starts a run, {start_told(start, self._config.schedule)}")
        result = self._folder.result(running.log)
        arguments = ["run", str(self._config.path), "--wait", "--result", str(result)]
        arguments += ["--output-dir", str(self._run_folder.root)]
        arguments += ["--spans", "1"] if self._config.in_spans else []
        try:
            self._process = self._launch(arguments, self._folder.log(running.log))
        except OSError as error:
            failure = f"It could not be started: {error}"
            self._finish(self._past(running, now, CAN_PASS, failure=failure))
        return True

    def _came_to_end(
        self, code: int, now: datetime, outcome: Outcome | None = None
    ) -> None:
        running = self._journal.state.running
        assert running is not None
        self._process = None
        result = load_result(self._folder.result(running.log))
        if result:
            failure = ""
        elif code < 0:
            failure = f"`shardline run` {how_ended(code)}."
        else:
            failure = _last_line(self._folder.log(running.log))
        code = exit_code_of_end(code)
        self._finish(self._past(running, now, code, outcome, failure, result))
        self._remove_result(running)

    def _past(
        self,
        running: Running,
        now: datetime,
        exit_code: int | None,
        outcome: Outcome | None = None,
        failure: str = "",
        result: RunResult | None = None,
    ) -> PastRun:
        """Returns what came of a run; of `result`, as it has written that itself."""
        past = PastRun(
            **running.model_dump(),
            ended=now,
            outcome=outcome or ("failed" if exit_code else "done"),
            exit_code=exit_code,
            failure=failure if exit_code != 0 else "",
        )
        if result is None:
            return past
        return past.model_copy(
            update={
                "failure": result.failure if exit_code else "",
                "version": result.version,
                "spans": result.spans,
                "is_more_due": result.is_more_due,
            }
        )

    def _remove_result(self, running: Running) -> None:
        with contextlib.suppress(OSError):  # the next scheduler removes it
            self._folder.result(running.log).unlink()

    def _finish(self, run: PastRun) -> None:
        """Writes down what came of a run, tells, and goes on."""
        schedule = self._config.schedule
        follows = what_follows(run, self._retries)
        if follows and follows.wait:
            run = run.model_copy(update={"repeated_at": follows.at})
        self._journal.add(run, kept=schedule.history)
        self._say(f"The run has ended: {run_told(run, follows, schedule)}")
        self._go_on_after(run)
        self._free_since = run.ended

    def _go_on_after(self, run: PastRun) -> None:
        """Calls who wants to know what came of a run, and sets what follows on it.

        In this order, so that a scheduler that is killed meanwhile leaves it to the
        next one to call them.
        """
        schedule = self._config.schedule
        follows = what_follows(run, self._retries)
        is_given_up = run.outcome == "killed" and follows is None
        if run.outcome == "done":
            self._call("success", schedule.on_success, run.start, run.log, run)
        elif is_given_up or (run.outcome == "failed" and not run.repeated_at):
            self._call("failure", schedule.on_failure, run.start, run.log, run)
        self._set(running=None, waiting=follows)

    def _tell_if_late(self, now: datetime) -> None:
        state, schedule = self._journal.state, self._config.schedule
        current = state.running or state.waiting
        if not (current and schedule.deadline):
            return
        due = current.start.due
        if now - due > schedule.deadline and state.late_due != due:
            self._set(late_due=due)
            told = start_told(current.start, schedule)
            self._say(f"Late: the start {told} has not ended by its deadline")
            self._call("late", schedule.on_late, current.start, current.log)

    def _call(
        self,
        event: str,
        command: list[str] | None,
        start: Start,
        log: str,
        run: PastRun | None = None,
    ) -> None:
        if command is None:
            return
        path = self._folder.log(log)
        facts = facts_of_start(
            event, start, self._config.path, self._run_folder.root, path
        )
        facts = {**facts, **(facts_of_run(run) if run else {})}
        if trouble := hooks.call(command, facts, path, self._clock):
            self._say(f"on_{event}: {trouble}")

    def _say(self, text: str) -> None:
        self._tell(f"{clock_time(self._clock.now(), self._config.schedule)} {text}")

    def _set(self, **changed: object) -> None:
        self._journal.change(self._journal.state.model_copy(update=changed))

    @property
    def _retries(self) -> Retries:
        return self._config.schedule.retries


def _last_line(log: Path) -> str:
    """Returns the last thing that a run printed, if it did not say why it failed."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
