"""When a run starts, as a timetable of Airflow."""

import re
from datetime import UTC, datetime

from cronsim import CronSim

from shardline.configs.schedule import Schedule
from shardline.pipeline.airflow.dag import DagError
from shardline.pipeline.airflow.literals import duration_literal, text_literal

_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
# What the library calls the values of each field.
_VALUES = ("minutes", "hours", "days", "months", "weekdays")


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
    if cron := schedule.every_as_cron:
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
    fields = cron.upper().split()
    _, _, days, _, weekdays = fields
    if fault := _fault(days, weekdays):
        raise DagError(f"Airflow cannot start by `schedule.cron`, `{cron}`: {fault}")
    return " ".join(_field(field, place) for place, field in enumerate(fields))


def _fault(days: str, weekdays: str) -> str:
    """Returns why Airflow has no such days, and the remedy; "" if it has them."""
    terms = weekdays.split(",")
    counted = [term for term in terms if "#" in term or "L" in term]
    if "W" in days:
        return "it has no last working day of the month, LW. Choose other days."
    if counted and len(counted) < len(terms):
        return (
            f"it takes `{counted[0]}` only without plain days of week, and "
            f"these are `{weekdays}`. Choose other days."
        )
    if counted and days != "*":
        return (
            f"it takes no day of month, `{days}`, together with `{weekdays}`. Write "
            "`*` for one of the two."
        )
    if "*" in (days[0], weekdays[0]) and "*" not in (days, weekdays):
        return (
            f"a day must fit both `{days}` and `{weekdays}`, as one of them begins "
            "with `*`, and Airflow takes a day that fits either. Write out the days of "
            "the one, and `*` for the other."
        )
    return ""


def _field(field: str, place: int) -> str:
    if field.startswith("*") and "," not in field:
        return field
    return ",".join(_term(term, place) for term in field.split(","))


def _term(term: str, place: int) -> str:
    """Returns a part of a field in words that Airflow reads as cron does.

    Airflow takes a range of one, 5-5, for all values, and steps to the seventh day of
    the week for steps to the sixth: such parts become the list of their values.
    """
    fields = ["*"] * len(_VALUES)
    fields[place] = term
    values = getattr(CronSim(" ".join(fields), _SOME_TIME), _VALUES[place])
    if "/" in term or "*" in term or ("-" in term and len(values) == 1):
        named = {CronSim.LAST: "L"}
        return ",".join(named.get(value, str(value)) for value in sorted(values))
    return re.sub(r"^(\d+)L$", r"L\1", term)
