"""What became of each span, and what comes next, as people look at it."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from shardline.components.contracts.spans.plan import PlannedSpan, SpanPlan, Trained
from shardline.components.contracts.spans.state import SpanState
from shardline.components.readers.span_reader import FoundSpan
from shardline.components.span_planner.calendar import start_of

# A span is `served` if the newest model learnt it last, `trained` if an earlier one
# did; `due` if the next run trains on it, and `judging` if it judges that run's model.
# It is `earlier` than those that count, or `replaced` by a newer version.
Status = Literal[
    "served",
    "trained",
    "refused",
    "skipped",
    "due",
    "judging",
    "waiting",
    "replaced",
    "earlier",
]


@dataclasses.dataclass(frozen=True)
class ListedSpan:
    """A version of a span.

    Attributes:
        span: its name.
        version: its version; None for a span that was skipped and is not there.
        status: what became of it.
        judged_on: what the model that learnt it was judged on.
        metrics: of that model.
        served_version: that was published with it.
        note: why it was refused or skipped.
    """

    span: str
    version: int | None
    status: Status
    judged_on: str | None = None
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    served_version: str | None = None
    note: str = ""


def listed(
    state: SpanState,
    found: Sequence[FoundSpan],
    plan: SpanPlan | None,
    oldest: int | None = None,
) -> list[ListedSpan]:
    """Returns all spans that are there, or were when they were trained on, in order.

    Args:
        state: what runs have done.
        found: the spans that are there.
        plan: the next run; None if there can be none.
        oldest: where the oldest span begins that counts; None: all do.
    """
    learnt = dict(_learnt(state))
    newest: dict[str, int] = {}
    for one in (*found, *(FoundSpan(span, number, "") for span, number in learnt)):
        newest[one.span] = max(one.version, newest.get(one.span, 0))
    rows = [*learnt.values()]
    for one in found:
        if one[:2] not in learnt and one.span not in state.skipped:
            status = _coming(one, plan)
            if oldest is not None and start_of(one.span) < oldest:
                status = "earlier"
            elif one.version < newest[one.span]:
                status = "replaced"
            rows.append(ListedSpan(one.span, one.version, status))
    rows += [
        ListedSpan(span, newest.get(span), "skipped", note=reason)
        for span, reason in state.skipped.items()
    ]
    return sorted(rows, key=lambda row: (start_of(row.span), row.version or 0))


def _learnt(state: SpanState) -> Iterator[tuple[tuple[str, int], ListedSpan]]:
    """Yields what runs have made of spans; the run that was last counts."""
    served = [run for run in state.runs if run.version][-1:]
    for run in state.runs:
        for span in run.plan.newly_trained:
            if span.part != "tail" and span.span not in state.skipped:
                yield (span.span, span.version), _row(span, run, run in served)


def _row(span: PlannedSpan, run: Trained, is_served: bool) -> ListedSpan:
    status: Status = "served" if is_served else "trained"
    return ListedSpan(
        span.span,
        span.version,
        "refused" if run.verdict == "refused" else status,
        str(run.plan.evaluate) if run.plan.evaluate else None,
        run.metrics,
        run.version or None,
        "; ".join(run.reasons),
    )


def _coming(found: FoundSpan, plan: SpanPlan | None) -> Status:
    if plan and _has(plan.newly_trained, found):
        return "due"
    if plan and plan.evaluate and _has([plan.evaluate], found):
        return "judging"
    return "waiting"


def _has(spans: Iterable[PlannedSpan], found: FoundSpan) -> bool:
    return any((one.span, one.version) == found[:2] for one in spans)
