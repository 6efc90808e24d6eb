"""Which column is the label, which the time, which the weight: candidates, and why."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from shardline.components.drafter.errors import DraftError
from shardline.components.drafter.names import words_of
from shardline.components.drafter.profiles import Profile
from shardline.configs.shown import shown

_LABELS = {"label", "labels", "target", "y", "class", "outcome", "response"}
_EVENTS = set(
    "click clicked clicks clk convert converted conversion purchase purchased buy "
    "bought order ordered like liked watched install installed subscribed churn "
    "positive played default survived".split()
)
_RATINGS = {"rating", "ratings", "stars", "score", "vote", "grade", "feedback"}
_YES = {"1", "yes", "y", "true", "t", "on", "positive", "pos", "click", "clicked"}
_NO = {"0", "no", "n", "false", "f", "off", "negative", "neg"}
_WEIGHTS = {"weight", "weights", "importance"}
_FIRST_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)\D*")
_MOST_WORDS = 20
_UNNAMED = re.compile(r"column_\d+")


@dataclasses.dataclass(frozen=True)
class Label:
    """A column that may be the label, and how its values become 0 and 1.

    Attributes:
        profile: the column.
        score: how likely it is; larger is likelier.
        reason: what speaks for it.
        words: numbers of its words, for `label_words`.
        positive_from: from which value on it is 1; None if it holds 0 and 1.
    """

    profile: Profile
    score: float
    reason: str
    words: Mapping[str, float] = dataclasses.field(default_factory=dict)
    positive_from: float | None = None

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.profile.name

    def is_positive(self, value: Any) -> bool:
        """Tells whether a value, as the profile has it, is taken for a 1."""
        number = self.words[value] if self.words else value
        threshold = 1 if self.positive_from is None else self.positive_from
        return float(number) >= threshold


def labels_of(profiles: Sequence[Profile]) -> list[Label]:
    """Returns the columns that may be labels, the likeliest first.

    Args:
        profiles: the columns, in the order of the file.
    """
    found = [label for p in profiles if (label := _label(p, named=False))]
    place = {p.name: i for i, p in enumerate(profiles)}
    # Among equals: the last by a name of its own, the first without one.
    found.sort(
        key=lambda label: (
            -label.score,
            place[label.name] * (1 if _UNNAMED.fullmatch(label.name) else -1),
        )
    )
    return found


def label_named(profile: Profile) -> Label:
    """Returns a column as the label, because somebody said so.

    Args:
        profile: the column.

    Raises:
        DraftError: its values cannot become 0 and 1.
    """
    label = _label(profile, named=True)
    if label is None:
        raise DraftError(
            f"column `{shown(profile.name)}` cannot be a label: it holds "
            f"{'lists of ' * profile.is_list}{profile.kind}, {profile.distinct:,} "
            f"different in {profile.rows:,} rows. "
            "Name one with 0 and 1, two words, or numbers."
        )
    return label


def labels_of_one_value(profiles: Sequence[Profile]) -> list[Profile]:
    """Returns the columns called as labels are, which hold one value.

    Args:
        profiles: the columns.
    """
    names = _LABELS | _EVENTS | _RATINGS
    return [
        profile
        for profile in profiles
        if not profile.is_list
        and profile.distinct == 1
        and names & set(words_of(profile.name))
    ]


def _label(profile: Profile, *, named: bool) -> Label | None:
    if profile.is_list or profile.distinct < 2:
        return None
    words = set(words_of(profile.name))
    strong = 10 * bool(words & _LABELS) + 8 * bool(words & _EVENTS)
    is_rating = bool(words & _RATINGS)
    if set(profile.counts) <= {0, 1}:
        share = profile.counts[1] / len(profile.values)
        return Label(profile, 5 + strong, f"0 and 1; {share:.0%} of the sample are 1")
    if profile.kind == "text" and profile.distinct <= _MOST_WORDS:
        return _of_words(profile, strong, is_rating=is_rating, named=named)
    if profile.is_number and (is_rating or words & _LABELS or named):
        threshold, share = _threshold(profile.values)
        reason = (
            f"{_span(profile)}; {share:.0%} of the sample are {threshold:g} or more"
        )
        score = 4 + strong + 7 * is_rating - 3 * ("id" in words)
        return Label(profile, score, reason, positive_from=threshold)
    return None


def _of_words(
    profile: Profile, strong: float, *, is_rating: bool, named: bool
) -> Label | None:
    spoken = {word: word.strip().lower() for word in profile.counts}
    if set(spoken.values()) <= _YES | _NO and profile.distinct == 2:
        numbers = {word: float(low in _YES) for word, low in spoken.items()}
        if len(set(numbers.values())) == 2:
            return Label(profile, 4 + strong, "two words", numbers)
    ranks = {word: _FIRST_NUMBER.fullmatch(word) for word in profile.counts}
    if (is_rating or named or strong) and all(ranks.values()):
        numbers = {word: float(rank[1]) for word, rank in ranks.items() if rank}
        values = [numbers[word] for word in profile.values]
        if len(set(values)) > 1:
            threshold, share = _threshold(values)
            reason = f"words with numbers; {share:.0%} are {threshold:g} or more"
            return Label(profile, 4 + strong, reason, numbers, threshold)
    if profile.distinct == 2 and (strong or named):
        common, rare = (word for word, _ in profile.counts.most_common())
        reason = f"two words; the rarer one, {shown(rare, 20)!r}, is taken for 1"
        return Label(profile, 3 + strong, reason, {common: 0.0, rare: 1.0})
    return None


def _threshold(values: Sequence[float]) -> tuple[float, float]:
    """Returns the value that parts others most evenly, and the share from it on."""
    ordered = sorted(values)
    n = len(ordered)
    firsts = [i for i in range(1, n) if ordered[i] != ordered[i - 1]]
    first = min(firsts, key=lambda i: abs(n / 2 - i))
    return float(ordered[first]), (n - first) / n


def _span(profile: Profile) -> str:
    return f"{min(profile.values):g} to {max(profile.values):g}"


def weight_of(profiles: Sequence[Profile]) -> Profile | None:
    """Returns the column that seems to weigh examples, if there is one."""
    for profile in profiles:
        is_named = set(words_of(profile.name)) & _WEIGHTS and len(
            words_of(profile.name)
        ) <= (2 if {"sample", "example", "row"} & set(words_of(profile.name)) else 1)
        if is_named and profile.is_number and not profile.missing:
            if min(profile.values) >= 0 and max(profile.values) > 0:
                return profile
    return None
