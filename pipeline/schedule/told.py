"""What a scheduler says of starts and runs: to people, and to hooks."""

import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from shardline.configs.fault import sentence
from shardline.configs.schedule import Schedule
from shardline.pipeline.schedule.rhythm import MOST_COUNTED
from shardline.pipeline.schedule.start import PastRun, Start, Waiting

# The kernel starts no program with a larger environment than it allows.
_MOST_OF_A_FAILURE = 10_000


def clock_time(time: datetime, schedule: Schedule) -> str:
    """Returns a time by the clocks of the schedule's time zone."""
    zone = zoneinfo.ZoneInfo(schedule.timezone)
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def start_told(start: Start, schedule: Schedule) -> str:
    """Returns which start it is, in words."""
    due = clock_time(start.due, schedule)
    text = f"asked for at {due}" if start.kind == "triggered" else f"due at {due}"
    if start.stands_for > 1:
        many = "more than " if start.stands_for >= MOST_COUNTED else ""
        text += f", for {many}{start.stands_for} that were due"
    return text if start.attempt == 1 else f"{text}, repetition {start.attempt - 1}"


def run_told(run: PastRun, follows: Waiting | None, schedule: Schedule) -> str:
    """Returns what came of a run, in words."""
    seconds = (run.ended - run.started).total_seconds()
    told = f"{run.outcome} after {seconds:.0f} s"
    if run.spans:
        told += f", trained on {', '.join(run.spans)}"
    if run.version:
        told += f", published version {run.version}"
    if run.outcome == "done" and not run.spans and not run.version:
        told += ", nothing was due"
    if run.failure:
        told += f": {run.failure.splitlines()[0]}"
    told = sentence(told)
    if run.repeated_at:
        return f"{told} Repeated at {clock_time(run.repeated_at, schedule)}"
    return f"{told} Started again, for {follows.why}" if follows else told


def facts_of_start(
    event: str, start: Start, config: Path, root: Path, log: Path
) -> Mapping[str, str]:
    """Returns what each hook finds in its environment.

    Args:
        event: `success`, `failure` or `late`.
        start: which start it is about.
        config: the configuration file.
        root: the run folder.
        log: what the run printed.
    """
    return {
        "SHARDLINE_EVENT": event,
        "SHARDLINE_CONFIG": str(config.absolute()),
        "SHARDLINE_RUN_FOLDER": str(root),
        "SHARDLINE_DUE": start.due.isoformat(),
        "SHARDLINE_ATTEMPT": str(start.attempt),
        "SHARDLINE_LOG": str(log),
    }


def facts_of_run(run: PastRun) -> Mapping[str, str]:
    """Returns what a hook finds in its environment after a run."""
    return {
        "SHARDLINE_STARTED": run.started.isoformat(),
        "SHARDLINE_ENDED": run.ended.isoformat(),
        "SHARDLINE_EXIT_CODE": "" if run.exit_code is None else str(run.exit_code),
        "SHARDLINE_FAILURE": run.failure.replace("\0", " ")[:_MOST_OF_A_FAILURE],
        "SHARDLINE_VERSION": run.version,
        "SHARDLINE_SPANS": ", ".join(run.spans),
    }
