"""When starts are due: the times that fit a cron expression, or a fixed distance.

Times are of UTC outside of this module. What a cron expression means where clocks are
put forward or back is up to the library, and as in Debian's cron: a time that a day
lacks is made up for right after the gap, one that it has twice counts once, and
expressions that name every hour or minute follow the time that passes.
"""

import math
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from shardline.configs.schedule import Schedule

# More starts that were missed are not told apart.
MOST_COUNTED = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_GAP = timedelta(hours=3)  # of clocks that are put forward or back


class Rhythm:
    """The times at which starts are due."""

    def __init__(self, schedule: Schedule):
        """Takes `cron` and `timezone`, or `every`."""
        self._cron, self._every = schedule.cron, schedule.every
        self._zone = zoneinfo.ZoneInfo(schedule.timezone)

    @property
    def name(self) -> str:
        """What it is, in words; another rhythm has another name."""
        if self._every:
            return f"every {_shown(self._every)}"
        return f"cron {self._cron} ({self._zone.key})"

    def after(self, time: datetime) -> datetime:
        """Returns the first time that is later than another."""
        return next(self._after(time))

    def until(self, time: datetime) -> datetime:
        """Returns the last time that is not later than another."""
        if self._every:
            return _EPOCH + math.floor((time - _EPOCH) / self._every) * self._every
        # An hour that comes twice is a single one for the library.
        start = (time + _LONGEST_GAP).astimezone(self._zone)
        earlier = CronSim(self._expression, start, reverse=True)
        return next(t for t in _in_utc(earlier) if t <= time)

    def count(self, after: datetime, until: datetime) -> int:
        """Returns how many times lie between two, the later one included; 1000 is many.

        Args:
            after: the earlier one.
            until: the later one.
        """
        found = 0
        for time in self._after(after):
            if time > until or found == MOST_COUNTED:
                return found
            found += 1
        return found

    def _after(self, time: datetime) -> Iterator[datetime]:
        if self._every:
            number = math.floor((time - _EPOCH) / self._every)
            while True:
                number += 1
                yield _EPOCH + number * self._every
        last = time
        for later in _in_utc(CronSim(self._expression, time.astimezone(self._zone))):
            if later > last:
                last = later
                yield later

    @property
    def _expression(self) -> str:
        assert self._cron is not None
        return self._cron


def _shown(duration: timedelta) -> str:
    """Returns a duration as configurations have it."""
    seconds = int(duration.total_seconds())
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    return next(f"{seconds // n}{unit}" for unit, n in units if seconds % n == 0)


def _in_utc(times: Iterator[datetime]) -> Iterator[datetime]:
    return (time.astimezone(UTC) for time in times)
