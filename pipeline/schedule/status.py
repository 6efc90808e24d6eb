"""How a schedule stands, whether its scheduler runs or not."""

from datetime import datetime
from pathlib import Path

from shardline.components.folders.lock import holder_of
from shardline.configs import ConfigError
from shardline.configs.section import Section
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.schedule.folder import ScheduleFolder, SchedulerState
from shardline.pipeline.schedule.rhythm import Rhythm
from shardline.pipeline.schedule.start import PastRun, Running, Waiting
from shardline.pipeline.schedule.watched_config import WatchedConfig


class Status(Section):
    """How a schedule stands.

    Attributes:
        run_folder: of the runs.
        rhythm: when starts are due, in words; "" if the configuration is faulty.
        fault: what is wrong with the configuration.
        scheduler: who schedules; None if nobody does.
        paused_since: since when it is paused; None if it is not.
        triggered_at: when a start was asked for that has not begun; None if none was.
        running: the start whose run goes on, or went on when its scheduler was killed.
        waiting: a start that comes before the next one that is due.
        next_due: when the next start is due; None if that cannot be told.
        runs: the last runs that came to an end, oldest first.
    """

    run_folder: str
    rhythm: str = ""
    fault: str = ""
    scheduler: str | None = None
    paused_since: datetime | None = None
    triggered_at: datetime | None = None
    running: Running | None = None
    waiting: Waiting | None = None
    next_due: datetime | None = None
    runs: tuple[PastRun, ...] = ()


def status_of(config: Path, run_folder: RunFolder, now: datetime, runs: int) -> Status:
    """Returns how a schedule stands.

    Args:
        config: the configuration, which may be faulty now.
        run_folder: of the runs.
        now: the time.
        runs: how many of the last runs are wanted.

    Raises:
        ScheduleStateError: if the state is damaged.
        OSError: if it cannot be read.
    """
    folder = ScheduleFolder(run_folder)
    state = folder.state() or SchedulerState(seen_until=now)
    rhythm, fault, next_due = "", "", None
    try:
        found = Rhythm(WatchedConfig(config).schedule)
        rhythm, next_due = found.name, found.after(now)
    except ConfigError as error:
        fault = str(error)
    return Status(
        run_folder=str(run_folder.root),
        rhythm=rhythm,
        fault=fault,
        scheduler=holder_of(folder.lock_file),
        paused_since=folder.paused_since(),
        triggered_at=folder.triggered_at(),
        running=state.running,
        waiting=state.waiting,
        next_due=next_due,
        runs=tuple(folder.history()[-runs:]),
    )
