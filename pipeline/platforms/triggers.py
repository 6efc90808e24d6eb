"""The section `schedule` in the words of platforms, or why it has none there."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from shardline.configs.fault import ConfigError, Fault, Part
from shardline.configs.load import with_lines
from shardline.configs.schedule import Schedule

_PART = Part("schedule", ("schedule",))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UTC = ("UTC", "Etc/UTC")
_DAYS_OF_A_WEEK = 7
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# What every dialect of cron reads in the same way.
_VALUE = r"([0-9]+|[A-Za-z]{3})"
_TERM = re.compile(rf"{_VALUE}|(\*|{_VALUE}-{_VALUE})(/[0-9]+)?")


class KubeflowTrigger(NamedTuple):
    """When a recurring run starts.

    Attributes:
        cron: of six fields, the first of seconds; None for an interval.
        interval_s: seconds between starts; None for a cron expression.
        start_time: from which the interval counts, as RFC 3339.
        no_catchup: whether of several starts that were missed only the last is made.
    """

    cron: str | None
    interval_s: int | None
    start_time: str | None
    no_catchup: bool


class VertexTrigger(NamedTuple):
    """When a schedule of Vertex starts a run.

    Attributes:
        cron: with its time zone.
        allow_queueing: whether a start waits for the run before to end; else it is
            left out.
    """

    cron: str
    allow_queueing: bool


def kubeflow_trigger(
    run_schedule: Schedule | None, now: datetime, config: Path
) -> KubeflowTrigger:
    """Returns when Kubeflow starts runs.

    Args:
        run_schedule: the section; None if the configuration has none.
        now: the time.
        config: the file of the configuration, for the lines of faults.

    Raises:
        ConfigError: if Kubeflow has no such schedule.
    """
    schedule = _checked(run_schedule, _kubeflow_faults, config)
    no_catchup = schedule.missed != "each"
    if schedule.every is not None:
        begun = _EPOCH + (now - _EPOCH) // schedule.every * schedule.every
        seconds = int(schedule.every.total_seconds())
        return KubeflowTrigger(None, seconds, f"{begun:%Y-%m-%dT%H:%M:%SZ}", no_catchup)
    fields = (schedule.cron or "").split()
    cron = " ".join(["0", *fields[:4], _from_sunday(fields[4])])
    return KubeflowTrigger(cron, None, None, no_catchup)


def vertex_trigger(run_schedule: Schedule | None, config: Path) -> VertexTrigger:
    """Returns when Vertex starts runs.

    Args:
        run_schedule: the section; None if the configuration has none.
        config: the file of the configuration, for the lines of faults.

    Raises:
        ConfigError: if Vertex has no such schedule.
    """
    schedule = _checked(run_schedule, _vertex_faults, config)
    if schedule.every is None:
        cron, zone = schedule.cron, schedule.timezone
    else:
        cron, zone = schedule.every_as_cron, "UTC"
    return VertexTrigger(f"TZ={zone} {cron}", schedule.missed == "each")


def _checked(
    schedule: Schedule | None,
    faults_of: Callable[[Schedule], Iterator[Fault]],
    config: Path,
) -> Schedule:
    if schedule is None:
        fault = Fault((), "`schedule` is missing", "say when runs start: `cron: ...`")
        raise ConfigError(*with_lines(config, [fault]))
    faults = [*_cron_faults(schedule), *faults_of(schedule)]
    if faults:
        raise ConfigError(*with_lines(config, faults))
    return schedule


def _cron_faults(schedule: Schedule) -> Iterator[Fault]:
    terms = [
        term for field in (schedule.cron or "").split() for term in field.split(",")
    ]
    if odd := [term for term in terms if not _TERM.fullmatch(term)]:
        yield _PART.fault(
            f"platforms do not read `{odd[0]}` as this machine does",
            "write numbers, names of three letters, ranges, lists, `*` and steps",
            key="cron",
        )


def _kubeflow_faults(schedule: Schedule) -> Iterator[Fault]:
    if schedule.cron and schedule.timezone not in _UTC:
        yield _PART.fault(
            f"recurring runs of Kubeflow have no time zone of their own, got "
            f"{schedule.timezone}",
            "write the hours of UTC, and `timezone: UTC`",
            key="timezone",
        )
    if schedule.missed == "skip":
        yield _PART.fault(
            "Kubeflow starts at least once for what was missed, got skip",
            "write once or each",
            key="missed",
        )


def _vertex_faults(schedule: Schedule) -> Iterator[Fault]:
    if schedule.every is not None and schedule.every_as_cron is None:
        yield _PART.fault(
            f"Vertex starts runs by cron, which has no `every` of {schedule.every}",
            "write minutes that an hour is made of, hours that a day is made of, 1d, "
            "7d, or `cron`",
            key="every",
        )


def _from_sunday(days: str) -> str:
    """Returns days of a week without 7, which Kubeflow does not take for Sunday."""
    return ",".join(_without_seven(term) for term in days.split(","))


def _without_seven(term: str) -> str:
    days, _, step = term.partition("/")
    if days == "*":
        return term
    first, *rest = (_number(day) for day in days.split("-"))
    if not rest:
        return "0" if first == _DAYS_OF_A_WEEK else term
    if rest[0] < _DAYS_OF_A_WEEK:
        return term
    numbers = range(first, _DAYS_OF_A_WEEK + 1, int(step or 1))
    return ",".join(str(number % _DAYS_OF_A_WEEK) for number in numbers)


def _number(day: str) -> int:
    name = day.upper()
    return _DAYS.index(name) if name in _DAYS else int(day)
