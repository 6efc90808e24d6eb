"""What becomes of each column: a feature, a number, or nothing; and why."""

from __future__ import annotations

import dataclasses
from typing import Any

from shardline.components.drafter.names import words_of
from shardline.components.drafter.profiles import Profile

# Words of names that say what numbers are: names of things, or amounts.
_IDS = set(
    "id ids uid code key zip zipcode isbn sku asin category cat type kind class group "
    "user userid customer member visitor session item itemid product movie book anime "
    "artist song track article ad campaign shop store brand city country region device "
    "browser os channel position slot hour weekday month".split()
)
_ENTITIES = set(
    "user userid uid customer client member visitor account session reader item itemid "
    "product movie film book isbn asin sku anime artist song track article news video "
    "ad campaign game recipe restaurant place".split()
)
_ALL_DIFFER = 0.9  # of the values, for what hardly ever comes twice
_FREE_TEXT = 20  # characters, on average
_MOST_RANGE = 100
_SKEWED = 30  # times the median that the largest number is
_CONSTANT_ROWS = 10
_MANY = 5000  # different values, and
_MANY_SHARE = 0.3  # of all values: too many to keep each
_BUCKETS = (10_000, 100_000, 1_000_000)


@dataclasses.dataclass(frozen=True)
class Input:
    """A column as an input of the model, or left out.

    Attributes:
        profile: the column.
        section: "features", "numbers", or "" if it is left out.
        keys: of the feature or number, but for its table and column.
        reason: what speaks for it.
    """

    profile: Profile
    section: str
    keys: dict[str, Any]
    reason: str


def input_of(profile: Profile, *, is_whole: bool, may_miss: bool = False) -> Input:
    """Returns what to make of a column.

    Args:
        profile: the column.
        is_whole: whether the sample is all of the data.
        may_miss: whether values may be missing even if none is in the sample.
    """
    may_miss = may_miss or bool(profile.missing)
    if reason := _why_left_out(profile):
        return Input(profile, "", {}, reason)
    if profile.kind == "float" and not _are_whole_ids(profile):
        return _number(profile, may_miss=may_miss)
    if profile.kind == "int" and not profile.is_list and not _are_ids(profile):
        return _number(profile, may_miss=may_miss)
    return _feature(profile, is_whole=is_whole, may_miss=may_miss)


def as_feature(number: Input) -> Input:
    """Returns a number as a feature, for a model must have one.

    Args:
        number: an input in section "numbers".
    """
    keys: dict[str, Any] = {"ids": {"quantile_buckets": 16}}
    if number.profile.missing:
        keys["default"] = 0
    reason = f"{number.reason}; in intervals, as a model must have a feature"
    return Input(number.profile, "features", keys, reason)


def _why_left_out(profile: Profile) -> str:
    if not profile.name.strip():
        return "the column has no name"
    if profile.kind == "nothing":
        return f"no value in {profile.rows:,} rows"
    if profile.kind == "time":
        return "a date or time, which is no id; a function of yours can make it one"
    if profile.kind == "other date":
        return (
            "dates whose text is not in the order of time; write them as 2024-09-30 "
            "to split by them"
        )
    if profile.kind == "other":
        return "its type is none that features read"
    if profile.kind == "float" and profile.is_list:
        return "lists of numbers that are not whole"
    if profile.distinct == 1 and len(profile.values) >= _CONSTANT_ROWS:
        return "the same value in all rows that have one"
    return _why_too_different(profile)


def _why_too_different(profile: Profile) -> str:
    if profile.is_list or profile.kind == "float" or len(profile.values) < 20:
        return ""
    is_entity = bool(set(words_of(profile.name)) & _ENTITIES)
    share = profile.distinct / len(profile.values)
    if profile.kind == "text" and share > _ALL_DIFFER:
        length = sum(map(len, map(str, profile.values))) / len(profile.values)
        if length > _FREE_TEXT and any(" " in str(v) for v in profile.counts):
            return (
                f"text that differs: {profile.distinct:,} in "
                f"{len(profile.values):,} rows"
            )
    if (
        profile.is_unique
        and not is_entity
        and (profile.kind == "text" or _are_ids(profile) or _is_an_index(profile))
    ):
        return "another value in each row, which tells a model nothing"
    return ""


def _is_an_index(profile: Profile) -> bool:
    values = profile.values
    return bool(max(values) - min(values) == len(values) - 1)


def _are_ids(profile: Profile) -> bool:
    """Tells whether whole numbers name things rather than say how many there are."""
    words = words_of(profile.name)
    if set(words) & _IDS or any(word.endswith("id") for word in words[-1:]):
        return True
    low, high = min(profile.values), max(profile.values)
    return profile.distinct <= 12 and low >= 0 and high < 20


def _are_whole_ids(profile: Profile) -> bool:
    """Tells whether floats are ids, as pandas writes them beside missing ones."""
    are_whole = all(float(value).is_integer() for value in profile.values)
    return are_whole and bool(set(words_of(profile.name)) & _IDS)


def _number(profile: Profile, *, may_miss: bool) -> Input:
    values = sorted(profile.values)
    low, high, middle = values[0], values[-1], values[len(values) // 2]
    kind = "whole numbers" if profile.kind == "int" else "numbers"
    reason = f"{kind} from {low:,.6g} to {high:,.6g}"
    keys: dict[str, Any] = {}
    if low >= 0 and high > _SKEWED * max(middle, 1):
        keys["log"] = True
        reason += f", half of them up to {middle:,.6g}"
    keys["scale"] = "z_score"
    if may_miss:
        keys["missing"] = "mean"
        reason += _missing(profile)
    return Input(profile, "numbers", keys, reason)


def _feature(profile: Profile, *, is_whole: bool, may_miss: bool) -> Input:
    distinct, count = profile.distinct, len(profile.values)
    keys: dict[str, Any] = {}
    reason = (
        f"{distinct:,} different in {count:,} {'values' if profile.is_list else 'rows'}"
    )
    is_number = profile.kind in ("int", "float")
    is_range = profile.kind == "int" and not may_miss and _fills_a_range(profile)
    is_large = distinct > _MANY and distinct > _MANY_SHARE * count and not is_whole
    if is_number and not is_range:
        keys["dtype"] = "int64"
    if is_range:
        high = max(profile.values)
        keys["ids"] = {"range": high + 1, "out_of_range": "oov_rows"}
        reason += f", 0 to {high:,}: ids as they are"
    elif is_large:
        keys["ids"] = {"hash_buckets": _buckets(distinct)}
        reason += ": so many that they are hashed"
    else:
        reason += ": a vocabulary"
    if profile.is_list:
        keys["combiner"] = "mean"
        reason += f"; lists of {count / max(1, profile.rows - profile.missing):.1f}"
    elif may_miss:
        keys["default"] = _stand_in(profile)
        reason += _missing(profile)
    return Input(profile, "features", keys, reason)


def _fills_a_range(profile: Profile) -> bool:
    low, high = min(profile.values), max(profile.values)
    return bool(0 <= low <= high < min(_MOST_RANGE, 2 * profile.distinct))


def _buckets(distinct: int) -> int:
    return next((size for size in _BUCKETS if size >= 4 * distinct), _BUCKETS[-1])


def _stand_in(profile: Profile) -> Any:
    """Returns what stands for a missing value, which no row has."""
    if profile.kind == "text":
        stand_in = "none"
        while stand_in in profile.counts:
            stand_in += "_"
        return stand_in
    return min(-1, int(min(profile.values)) - 1)


def _missing(profile: Profile) -> str:
    share = profile.missing / profile.rows
    return f"; missing in {share:.1%}" if share else ""
