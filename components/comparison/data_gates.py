"""Gates on the data itself: whether new spans are like those that went before.

They must not close on what data does by itself: the share of positives of MovieLens
moves by several points from month to month, and small spans vary by chance. So a span
is compared with the whole range of the spans before it, what differs must differ by
far, and by more than chance explains.

    data.repeated   the content is that of another span
    data.time       the examples are of another time than the span
    data.examples   far fewer than ever before
    data.label      far more, or fewer, positives than ever before
    data.columns    a column is gone, empty, much emptier, or holds one value only
"""

import datetime
import math
import statistics
from collections.abc import Callable, Iterator, Mapping

from shardline.components.contracts.spans.plan import SpanPlan
from shardline.components.contracts.spans.profile import ColumnProfile, SpanProfile
from shardline.components.contracts.validation import Gate
from shardline.configs.shown import shown
from shardline.configs.span_names import read_span

# A span has fewer than this part of what half of the spans before had, ...
_FEWEST = 0.2
# ... which is not judged where they had fewer examples than this.
_JUDGED_EXAMPLES = 1_000
# The odds of a positive are this many times above or below all spans before.
_LABEL_ODDS = 1.65
# Chance: so many standard deviations, as if only each tenth example told something new,
# for those of a user resemble each other.
_DEVIATIONS = 4.0
_ALIKE = 10.0
# A column has values in fewer than this part of the examples that had them before ...
_FILLED = 0.5
# ... or its lists are shorter than this part of the shortest mean length before.
_LENGTH = 0.25
# Columns of which fewer examples than this have a value are left to chance.
_FILLED_EXAMPLES = 30
# A column is constant that had at least so many values before, in so many examples.
_SOME_VALUES = 5
_CONSTANT_EXAMPLES = 500
# What clocks and time zones may put outside of a span.
_TOLERANCE_S = 86_400

_Profiles = Mapping[str, SpanProfile]
_Judge = Callable[[str, SpanProfile, _Profiles], Iterator[str]]


def data_gates(plan: SpanPlan, came: _Profiles) -> list[Gate]:
    """Judges the spans of a run that no earlier run has trained on.

    Args:
        plan: the run's, with what earlier spans were like.
        came: those spans' profiles, in the order of the run; the one to judge on last.
    """
    judges: dict[str, tuple[_Judge, str, str]] = {
        "data.repeated": (
            _repeats,
            "no span has the content of another",
            "Bring the right data, and train the span anew.",
        ),
        "data.time": (
            _times,
            "examples are of the time of their span",
            "Put the data where it belongs.",
        ),
        "data.examples": (
            _counts,
            "spans are as large as before",
            "See whether the data came in whole.",
        ),
        "data.label": (
            _labels,
            "labels are as before",
            "See where labels come from, and whether all have come.",
        ),
        "data.columns": (
            _columns,
            "columns are filled as before",
            "Mend the data, or take the features that read the column out.",
        ),
    }
    spans = {_name(span): profile for span, profile in came.items()}
    history = {_name(span): profile for span, profile in plan.history.items()}
    gates = []
    for gate, (judge, fine, remedy) in judges.items():
        faults = []
        before = dict(history)
        for span, profile in spans.items():
            others = {name: p for name, p in before.items() if name != span}
            faults += [
                f"span {span}: {fault}" for fault in judge(span, profile, others)
            ]
            before[span] = profile
        why = f"{fine} ({_listed(spans)}, beside {_counted(history)} before)"
        if faults:
            forced = "If it is right, publish with --force."
            why = "; ".join(faults) + f". {remedy} {forced}"
        gates.append(Gate(gate=gate, passes=not faults, why=why))
    return gates


def _name(span: str) -> str:
    """Returns a span's name without its version and part: a profile is of the whole."""
    return span.partition("/")[0].partition(".v")[0]


def _listed(spans: _Profiles) -> str:
    return ", ".join(spans) or "no new span"


def _counted(spans: _Profiles) -> str:
    return f"{len(spans)} span{'' if len(spans) == 1 else 's'}"


def _repeats(span: str, profile: SpanProfile, before: _Profiles) -> Iterator[str]:
    for other, known in before.items():
        if profile.examples and profile.content == known.content:
            yield f"its {profile.examples:,} examples are those of span {other}"


def _times(span: str, profile: SpanProfile, before: _Profiles) -> Iterator[str]:
    if profile.earliest is None or profile.latest is None:
        return
    name = read_span(span)
    has = f"it has examples from {_time(profile.earliest)} to {_time(profile.latest)}"
    if name is not None and name.every is not None:
        start, end = name.start - _TOLERANCE_S, name.end + _TOLERANCE_S
        if profile.earliest < start or profile.latest >= end:
            yield (
                f"{has}, and it is the time from {_time(name.start)} to "
                f"{_time(name.end)}, give or take a day"
            )
        return
    number = None if name is None else name.start
    for other, known in before.items():
        place = read_span(other)
        if number is None or place is None or known.earliest is None:
            continue
        if place.start < number and profile.latest < known.earliest:
            yield f"{has}, which is before all of span {other}"
        elif place.start > number and profile.earliest > (known.latest or math.inf):
            yield f"{has}, which is after all of span {other}"


def _counts(span: str, profile: SpanProfile, before: _Profiles) -> Iterator[str]:
    counts = [known.examples for known in before.values()]
    if not counts:
        return
    usual = statistics.median(counts)
    # Where spans differ much by themselves, one must differ more.
    logs = [math.log(count + 1) for count in counts]
    spread = math.exp(-3 * statistics.stdev(logs)) if len(logs) > 2 else 1.0
    fewest = min(_FEWEST, spread) * usual
    is_fewer = profile.examples < min(fewest, *counts)
    if usual >= _JUDGED_EXAMPLES and is_fewer:
        yield (
            f"it has {profile.examples:,} examples; spans before had from "
            f"{min(counts):,} to {max(counts):,}, expected are at least "
            f"{fewest:,.0f}"
        )


def _labels(span: str, profile: SpanProfile, before: _Profiles) -> Iterator[str]:
    known = [
        (p.label_mean, p.examples) for p in before.values() if p.label_mean is not None
    ]
    mean, examples = profile.label_mean, profile.examples
    if mean is None or not known or not examples:
        return
    rates = [_rate(rate, count) for rate, count in known]
    logits = [_log_odds(rate) for rate in rates]
    lowest, highest = min(logits), max(logits)
    logit = _log_odds(_rate(mean, examples))
    distance = max(lowest - logit, logit - highest)
    spread = 3 * statistics.stdev(logits) if len(logits) > 2 else 0.0
    allowed = max(math.log(_LABEL_ODDS), spread)
    # The span before that is the nearest; it has an error of its own.
    nearest = logits.index(lowest if logit < lowest else highest)
    rate, count = rates[nearest], known[nearest][1]
    variance = _ALIKE * rate * (1 - rate) * (1 / examples + 1 / max(count, 1))
    is_chance = abs(mean - rate) <= _DEVIATIONS * math.sqrt(variance)
    if distance > allowed and not is_chance:
        means = [rate for rate, _ in known]
        yield (
            f"the mean of its labels is {mean:.4g}; it was from {min(means):.4g} to "
            f"{max(means):.4g} before, and odds up to {math.exp(allowed):.3g} times "
            f"beyond that are expected, not {math.exp(distance):.3g} times"
        )


def _rate(mean: float, examples: int) -> float:
    """Returns a mean above 0 and below 1: as if half an example had either label."""
    return (mean * examples + 0.5) / (examples + 1)


def _log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))


def _columns(span: str, profile: SpanProfile, before: _Profiles) -> Iterator[str]:
    if not before:
        return
    known: dict[str, list[ColumnProfile]] = {}
    for other in before.values():
        for column, was in other.columns.items():
            known.setdefault(column, []).append(was)
    for column, all_before in sorted(known.items()):
        # What only some spans had may come and go.
        if len(all_before) == len(before):
            now = profile.columns.get(column)
            if fault := _column_fault(now, all_before, profile.examples):
                yield f"column `{shown(column)}` {fault}"


def _column_fault(
    now: ColumnProfile | None, was: list[ColumnProfile], examples: int
) -> str:
    filled = min(column.filled for column in was)
    if filled * examples < _FILLED_EXAMPLES:
        return ""
    if now is None or now.filled == 0:
        return f"has no value; at least {filled:.0%} of examples had one before"
    if now.filled < _FILLED * filled:
        return (
            f"has a value in {now.filled:.2%} of examples, at least {filled:.2%} had "
            f"one before, and half of that is expected"
        )
    values = min(column.values / column.filled for column in was)
    if now.values / now.filled < _LENGTH * values:
        return (
            f"has {now.values / now.filled:.3g} values in an example that has any, at "
            f"least {values:.3g} before, and a quarter of that is expected"
        )
    distinct = [column.distinct for column in was if column.distinct is not None]
    is_constant = now.distinct == 1 and now.filled * examples >= _CONSTANT_EXAMPLES
    if is_constant and distinct and min(distinct) >= _SOME_VALUES:
        return f"has one value only, at least {min(distinct):,} different ones before"
    return ""


def _time(seconds: float) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return f"second {seconds:.0f}"
    return moment.strftime("%Y-%m-%d %H:%M")
