"""When a run starts, as a timetable of Airflow."""

import re
from datetime import timedelta

from shardline.configs.schedule import Schedule
from shardline.pipeline.airflow.dag import DagError
from shardline.pipeline.airflow.literals import duration_literal, text_literal

_LAST_AMONG_OTHERS = re.compile(r"\dL,|,\dL")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def timetable_literal(schedule: Schedule) -> str:
    """Returns the expression that makes the timetable.

    An interval that cron can say exactly becomes a cron expression: it is counted from
    midnight of 1970-01-01 on, as cron has it, while Airflow counts other intervals from
    the start before.

    Args:
        schedule: of the configuration.

    Raises:
        DagError: if Airflow would read its cron expression in another way.
    """
    if schedule.cron is not None:
        return _cron_timetable(_as_airflow_reads(schedule.cron), schedule.timezone)
    assert schedule.every is not None  # exactly one of the two is given
    if cron := _cron_of(schedule.every):
        return _cron_timetable(cron, "UTC")
    return f"sdk.DeltaTriggerTimetable({duration_literal(schedule.every)})"


def _cron_timetable(cron: str, timezone: str) -> str:
    arguments = f"{text_literal(cron)}, timezone={text_literal(timezone)}"
    return f"sdk.CronTriggerTimetable({arguments})"


def _as_airflow_reads(cron: str) -> str:
    """Returns the expression with which Airflow starts when the schedule says.

    Raises:
        DagError: if there is none.
    """
    *others, days, months, weekdays = cron.upper().split()
    if "W" in days or _LAST_AMONG_OTHERS.search(weekdays):
        raise DagError(
            f"Airflow cannot read the days of `schedule.cron`, `{cron}`: it has no "
            "last working day of the month (LW), and takes the last of a weekday, such "
            "as 5L, alone. Choose other days."
        )
    if "*" in (days[0], weekdays[0]) and "*" not in (days, weekdays):
        raise DagError(
            f"Airflow would start on other days: by `schedule.cron`, `{cron}`, a day "
            f"must fit both `{days}` and `{weekdays}`, as one of them begins with `*`, "
            "and Airflow takes a day that fits either. Write out the days of the one, "
            "and `*` for the other."
        )
    weekdays = re.sub(r"^(\d)L$", r"L\1", weekdays)
    return " ".join([*others, days, months, weekdays])


def _cron_of(every: timedelta) -> str:
    """Returns the cron expression in UTC that starts at multiples of an interval.

    They are counted from 1970-01-01, a Thursday; "" if cron has none.
    """
    seconds = round(every.total_seconds())
    if seconds == 7 * _DAY:
        return "0 0 * * 4"
    for unit, whole, form in (
        (_DAY, 2 * _DAY, "0 0 {} * *"),
        (_HOUR, _DAY, "0 {} * * *"),
        (_MINUTE, _HOUR, "{} * * * *"),
    ):
        if seconds % unit == 0 and seconds < whole and whole % seconds == 0:
            each = seconds // unit
            return form.format("*" if each == 1 else f"*/{each}")
    return ""
