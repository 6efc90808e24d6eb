"""The folder `schedule` of a run folder: what a scheduler keeps, and what it is told.

    .lock          who schedules; one at a time
    state.json     how far the scheduler has come
    history.jsonl  a line a run, the newest last
    logs/          what runs printed, and what came of the one that goes on
    paused.json    there while the schedule is paused
    trigger.json   there until a start that a person asked for has begun

Commands write the last two, whether a scheduler runs or not.
"""

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from shardline.components.contracts.text_file import read_text, write_text
from shardline.configs.section import Section
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.schedule.start import PastRun, Running, Waiting

_STATE, _HISTORY = "state.json", "history.jsonl"
_PAUSED, _TRIGGER = "paused.json", "trigger.json"
_FORMAT = 1


class ScheduleStateError(RuntimeError):
    """A state that a scheduler cannot go on from."""


class SchedulerState(Section):
    """How far a scheduler has come.

    Attributes:
        format: of the file.
        rhythm: the name of the rhythm that it follows.
        seen_until: starts that were due until then have been dealt with.
        running: the start whose run goes on.
        waiting: a start that is to come before the rhythm's next one.
        late_due: since when the start was due that was last told to be late.
        triggered: when the last start was asked for that has begun.
    """

    format: int = _FORMAT
    rhythm: str = ""
    seen_until: AwareDatetime
    running: Running | None = None
    waiting: Waiting | None = None
    late_due: AwareDatetime | None = None
    triggered: AwareDatetime | None = None


class _Told(Section):
    """What a command has left for the scheduler: since when."""

    since: AwareDatetime


class ScheduleFolder:
    """The files of one schedule."""

    def __init__(self, run_folder: RunFolder):
        """Takes the folder of the runs."""
        self._run_folder = run_folder
        self.path = run_folder.root / "schedule"

    @property
    def lock_file(self) -> Path:
        """What a scheduler locks."""
        return self.path / ".lock"

    def make(self) -> None:
        """Makes the folders.

        Raises:
            OutputError: if the run folder cannot be made or written.
            OSError: if another folder cannot be.
        """
        self._run_folder.make()
        (self.path / "logs").mkdir(parents=True, exist_ok=True)

    def remove_remains(self, running: Running | None) -> None:
        """Removes what a scheduler that was killed has left; called by who schedules.

        Args:
            running: the start whose run went on, and may have written what came of it.

        Raises:
            OSError: if it cannot be removed.
        """
        for name in (_STATE, _HISTORY):
            for left in self.path.glob(f".{name}.*"):
                left.unlink()
        kept = self.result(running.log) if running else None
        for left in self.path.glob("logs/*.json"):
            if left != kept:
                left.unlink()

    def log_name(self, started: datetime) -> str:
        """Returns the log of a run by its start, relative to the run folder."""
        return f"schedule/logs/{started:%Y%m%d-%H%M%S.%f}.log"

    def log(self, name: str) -> Path:
        """Returns where a log lies."""
        return self._run_folder.root / name

    def result(self, log: str) -> Path:
        """Returns where the run of a log writes what came of it."""
        return self.log(log).with_suffix(".json")

    def state(self) -> SchedulerState | None:
        """Returns how far a scheduler has come; None if there was none.

        Raises:
            ScheduleStateError: if the file is damaged or of another version.
        """
        try:
            state = SchedulerState.model_validate_json(
                read_text(str(self.path), _STATE)
            )
        except FileNotFoundError:
            return None
        except (ValidationError, UnicodeDecodeError) as error:
            raise ScheduleStateError(
                f"{self.path / _STATE} is damaged: {_first(error)}. Bring it back, or "
                "remove it: the schedule begins anew then, and makes up for nothing."
            ) from error
        if state.format != _FORMAT:
            raise ScheduleStateError(
                f"{self.path / _STATE} has format {state.format}, and format {_FORMAT} "
                "can be read here. Use the version of Shardline that wrote it."
            )
        return state

    def save(self, state: SchedulerState) -> None:
        """Writes how far a scheduler has come, in one piece.

        Raises:
            OSError: if it cannot be written.
        """
        write_text(str(self.path), _STATE, state.model_dump_json(indent=1))

    def history(self) -> list[PastRun]:
        """Returns the runs that came to an end, oldest first, without damaged lines."""
        return [run for _, run in self._lines() if run]

    def add_to_history(self, runs: Sequence[PastRun], *, kept: int) -> None:
        """Adds runs in one piece, and removes the oldest ones with their logs.

        Damaged lines stay as they are, for people, and count as runs.

        Args:
            runs: oldest first.
            kept: how many runs the history keeps.

        Raises:
            OSError: if it cannot be written; the history is what it was.
        """
        lines = [*self._lines(), *((run.model_dump_json(), run) for run in runs)]
        text = "".join(f"{line}\n" for line, _ in lines[-kept:])
        write_text(str(self.path), _HISTORY, text)
        for _, run in lines[:-kept]:
            with contextlib.suppress(OSError):  # the history is written all the same
                if run:
                    self.log(run.log).unlink()

    def paused_since(self) -> datetime | None:
        """Returns since when the schedule is paused; None if it is not."""
        return self._told(_PAUSED)

    def pause(self, now: datetime) -> None:
        """Pauses the schedule.

        Raises:
            OSError: if it cannot be told.
        """
        self._tell(_PAUSED, now)

    def resume(self) -> None:
        """Ends a pause."""
        (self.path / _PAUSED).unlink(missing_ok=True)

    def triggered_at(self) -> datetime | None:
        """Returns when a start was asked for that has not begun; None if none was."""
        return self._told(_TRIGGER)

    def trigger(self, now: datetime) -> None:
        """Asks for a start.

        Raises:
            OSError: if it cannot be told.
        """
        self._tell(_TRIGGER, now)

    def take_trigger(self) -> None:
        """Removes what a person has asked for, for it has begun."""
        (self.path / _TRIGGER).unlink(missing_ok=True)

    def _lines(self) -> list[tuple[str, PastRun | None]]:
        """Returns the lines of the history with their runs; None of a damaged one."""
        try:
            # What is no text is kept as its numbers.
            text = (self.path / _HISTORY).read_text("utf-8", errors="backslashreplace")
        except FileNotFoundError:
            return []
        return [(line, _run(line)) for line in text.split("\n") if line]

    def _tell(self, name: str, now: datetime) -> None:
        write_text(str(self.path), name, _Told(since=now).model_dump_json())

    def _told(self, name: str) -> datetime | None:
        try:
            return _Told.model_validate_json(read_text(str(self.path), name)).since
        except FileNotFoundError:
            return None
        except (ValidationError, UnicodeDecodeError):
            # What counts is that the file is there.
            changed_s = (self.path / name).stat().st_mtime
            return datetime.fromtimestamp(changed_s, UTC)


def _run(line: str) -> PastRun | None:
    try:
        return PastRun.model_validate_json(line)
    except ValidationError:
        return None


def _first(error: ValidationError | UnicodeDecodeError) -> str:
    return error.errors()[0]["msg"] if isinstance(error, ValidationError) else "no text"
