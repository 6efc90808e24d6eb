"""When a run starts by itself, and what is done when it fails."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shardline.configs.section import Float, PositiveInt, Section

_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def _duration(value: Any) -> timedelta:
    """Returns a duration that is written like `90s`, `15m`, `6h` or `1d`."""
    number, unit = (value[:-1], value[-1:]) if isinstance(value, str) else ("", "")
    if unit not in _UNITS or not number.isdecimal() or int(number) == 0:
        raise PydanticCustomError(
            "no_duration",
            "a duration is a whole number above 0 and a unit, such as 90s, 15m, 6h "
            "or 1d",
        )
    try:
        return timedelta(seconds=int(number) * _UNITS[unit])
    except OverflowError:
        raise PydanticCustomError(
            "no_duration", "a duration is shorter than 2,738,000 years"
        ) from None


def _fires(cron: str) -> str:
    """Returns a cron expression that can be read, and that some time fits."""
    if len(fields := cron.split()) != 5:
        raise PydanticCustomError(
            "no_cron",
            "a cron expression has five fields: minute, hour, day of month, month and "
            "day of week, such as 30 3 * * *",
        )
    try:
        CronSim(" ".join([*fields[:3], "*", fields[4]]), _SOME_TIME)
        CronSim(" ".join(["0 0 *", fields[3], "*"]), _SOME_TIME)
    except CronSimError as error:
        raise PydanticCustomError(
            "no_cron",
            "a cron expression has minutes 0-59, hours 0-23, days 1-31, months 1-12 or "
            "JAN-DEC, days of week 0-7 or SUN-SAT; {fault}",
            {"fault": str(error).replace("Bad", "it cannot be read in its")},
        ) from None
    try:
        next(CronSim(cron, _SOME_TIME))
    except (CronSimError, StopIteration):
        raise PydanticCustomError(
            "never_fires",
            "this cron expression never fires: no month that it names has such a day",
        ) from None
    return cron


Duration = Annotated[timedelta, BeforeValidator(_duration)]
# A program and its arguments; no shell reads it.
_Command = Annotated[list[str], Field(min_length=1)]


class Retries(Section):
    """How a start is repeated after a failure that can pass.

    A failure that stays until somebody does something, such as a gate that refuses the
    model, is not repeated.
    """

    # How often, after the first time.
    attempts: Annotated[int, Field(ge=0, strict=True)] = 3
    # How long before the first repetition; each later one waits `factor` times as long,
    # and none longer than `longest`.
    wait: Duration = timedelta(minutes=1)
    factor: Annotated[Float, Field(ge=1, allow_inf_nan=False)] = 2.0
    longest: Duration = timedelta(hours=1)


class Schedule(Section):
    """When `shardline schedule` and orchestrators start the run."""

    # Exactly one of the two: minute, hour, day of month, month and day of week; or the
    # time between starts, counted from midnight of 1970-01-01 of UTC on.
    cron: Annotated[str, AfterValidator(_fires)] | None = None
    every: Duration | None = None
    # In which `cron` is read, such as Europe/Berlin.
    timezone: str = "UTC"
    # Starts that were due while no scheduler ran, or while another run went on: start
    # once for all of them, once for each, or not at all.
    missed: Literal["once", "each", "skip"] = "once"
    retries: Retries = Retries()
    # From the time that a start was due at; a run that has not ended by then is late:
    # `on_late` is called, and it goes on.
    deadline: Duration | None = None
    # What is called after a run, with facts of the run in its environment.
    on_success: _Command | None = None
    on_failure: _Command | None = None
    on_late: _Command | None = None
    # Runs that the history keeps.
    history: PositiveInt = 1000

    @property
    def every_as_cron(self) -> str | None:
        """The cron expression, of UTC, of the same times as `every`; None: none is."""
        every = self.every
        if every is None:
            return None
        for unit, whole, form in (
            (_MINUTE, _HOUR, "{} * * * *"),
            (_HOUR, _DAY, "0 {} * * *"),
        ):
            if every < whole and not every % unit and not whole % every:
                return form.format("*" if every == unit else f"*/{every // unit}")
        # 1970-01-01, from which they are counted, was a Thursday.
        return {_DAY: "0 0 * * *", _WEEK: "0 0 * * 4"}.get(every)

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise PydanticCustomError(
                "no_timezone",
                "there is no time zone of this name; names are those of the IANA, "
                "such as UTC or Europe/Berlin",
            ) from None
        return name

    @model_validator(mode="after")
    def _one_rhythm(self) -> "Schedule":
        if (self.cron is None) == (self.every is None):
            raise PydanticCustomError(
                "one_rhythm", "give exactly one of `cron` and `every`"
            )
        return self
