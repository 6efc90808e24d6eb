"""Which examples judge the model: the last by time, or some drawn by a hash."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shardline.components.drafter.names import words_of
from shardline.components.drafter.profiles import Profile
from shardline.components.drafter.roles import Label
from shardline.configs.boundaries import value_of
from shardline.configs.shown import shown

_TIMES = set("time timestamp ts date day datetime created at when unix epoch".split())
_IDS = {"id", "code", "key", "no", "nr"}
# Seconds, milliseconds, microseconds and nanoseconds since 1970, of 2000 to 2040.
_EPOCHS = {unit: range(946_684_800 * unit, 2_208_988_800 * unit)
           for unit in (1, 1000, 10**6, 10**9)}  # fmt: skip
_PART = 0.1  # of the examples, the last ones, that judge a model
_LEAST, _MOST = 0.02, 0.5


@dataclasses.dataclass(frozen=True)
class HeldOutChoice:
    """A rule of `data.files.held_out`, and why it is as it is.

    Attributes:
        rule: its keys and values.
        reason: in words.
    """

    rule: dict[str, Any]
    reason: str


def times_of(profiles: Sequence[Profile]) -> list[Profile]:
    """Returns the columns that hold a time in every row, the likeliest first."""
    found = [p for p in profiles if not p.missing and not p.is_list and _is_time(p)]
    return sorted(found, key=lambda p: not set(words_of(p.name)) & _TIMES)


def _is_time(profile: Profile) -> bool:
    if profile.distinct < 2:
        return False
    if profile.kind == "time":
        return True
    if profile.kind != "int" or not _unit(profile):
        return False
    words = set(words_of(profile.name))
    return bool(words & _TIMES) or not words & _IDS


def _unit(profile: Profile) -> int:
    """Returns how many units a second has if numbers may be times, else 0."""
    low, high = min(profile.values), max(profile.values)
    return next((u for u, r in _EPOCHS.items() if low in r and high in r), 0)


def by_time(time: Profile, label: Label) -> HeldOutChoice | None:
    """Returns the rule that holds the last examples out; None if none does well.

    Both parts must have both labels in the sample.

    Args:
        time: a time in every row.
        label: the label; rows without one do not count.
    """
    if label.profile.missing or len(time.values) != len(label.profile.values):
        return None
    moments = [_moment(value) for value in time.values]
    order = sorted(range(len(moments)), key=moments.__getitem__)
    n = len(order)
    # From each of these on, another time begins.
    firsts = [i for i in range(1, n) if moments[order[i]] != moments[order[i - 1]]]
    fitting = [i for i in firsts if _LEAST <= (n - i) / n <= _MOST]
    labels = [label.is_positive(label.profile.values[i]) for i in order]
    fitting = [i for i in fitting if len(set(labels[:i])) == len(set(labels[i:])) == 2]
    if not fitting:
        return None
    first = min(fitting, key=lambda i: abs((n - i) / n - _PART))
    value = time.values[order[first]]
    boundary = _cut(value, time) if time.kind == "time" else value
    said = f"the last {(n - first) / n:.0%} of the sample by `{shown(time.name)}`"
    if time.kind == "int":
        at = datetime.fromtimestamp(value // _unit(time), UTC)
        said += f", which is {at:%Y-%m-%d %H:%M} (UTC)"
    return HeldOutChoice({"column": time.name, "at_least": boundary}, said)


def _moment(value: Any) -> Any:
    return value_of(value, "moment") if isinstance(value, str) else value


def _cut(value: str, time: Profile) -> str:
    """Returns a time without the fraction of its second, if that changes nothing."""
    short = value.strip().partition(".")[0]
    exact = value_of(value, "moment")
    others = {_moment(other) for other in time.counts}
    start = value_of(short, "moment")
    if start is None or any(start <= other < exact for other in others):
        return value.strip()
    return short


def at_random(rows: int) -> HeldOutChoice:
    """Returns the rule that draws examples by a hash of the whole row.

    Args:
        rows: how many examples there are, about.
    """
    part = _PART if rows >= 1000 else 2 * _PART
    return HeldOutChoice(
        {"fraction": part}, f"{part:.0%} of the rows, drawn by a hash of each"
    )
