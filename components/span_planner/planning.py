"""What to train next: a pure function of the state, the spans and the settings.

In this order: nothing, if a model was refused and a person is to decide; late spans and
new versions of old ones, the oldest first; then the next span. A span is trained on
when what judges it is there, so the same state and spans give the same plan, and what
was trained on is never planned again.
"""

import hashlib
from collections.abc import Collection, Sequence

from shardline.components.contracts.spans.plan import (
    PlannedSpan,
    SpanPlan,
    Trained,
)
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.contracts.spans.state import SpanState
from shardline.components.readers.span_reader import FoundSpan
from shardline.components.span_planner.calendar import (
    KnownSpan,
    SpanError,
    arranged,
    start_of,
)
from shardline.components.span_planner.choice import Choice, Settings
from shardline.components.span_planner.progress import Progress
from shardline.configs.data import Data
from shardline.configs.evaluation import Evaluation
from shardline.configs.spans import Spans

_MOST_PROFILES = 12


class SpanChangedError(SpanError):
    """A span that was trained on, and whose data is another now."""


def settings_of(data: Data, evaluation: Evaluation, *, warm_start: bool) -> Settings:
    """Returns what of a configuration decides on plans.

    Args:
        data: section `data`, with `spans`.
        evaluation: section `evaluation`.
        warm_start: `training.warm_start`.

    Raises:
        ValueError: if the data does not come in spans.
    """
    if data.spans is None:
        raise ValueError("The data does not come in spans; expected `data.spans`.")
    return Settings(
        spans=data.spans,
        on="held_out" if evaluation.on == "held_out" else "next_span",
        when_refused=evaluation.when_refused,
        warm_start=warm_start,
        is_cut=data.files is not None and "{SPAN}" not in data.files.splits["train"],
    )


def known_by(plan: SpanPlan) -> str:
    """Returns a digest of a plan, for cache keys: an equal plan has been made before.

    A run that was killed, or that is replayed, so finds what was made of its plan, also
    if spans came meanwhile that do not change it.

    Args:
        plan: as `make_plan` returns it.

    Returns:
        16 hexadecimal digits.
    """
    return hashlib.sha256(plan.model_dump_json().encode()).hexdigest()[:16]


def oldest_start(state: SpanState, spans: Spans) -> int | None:
    """Returns where the oldest span begins that counts; None: all do.

    Args:
        state: what runs have done.
        spans: `data.spans`.

    Raises:
        SpanError: if `first` is no name of a span.
    """
    if state.runs and spans.begin == "newest":
        return min(start_of(span.span) for span in state.runs[0].plan.train)
    return start_of(spans.first) if spans.first else None


def make_plan(
    state: SpanState, found: Sequence[FoundSpan], settings: Settings
) -> SpanPlan:
    """Returns what to train next, or why nothing is due.

    Args:
        state: what runs have done.
        found: all versions of all spans that are there, in any order.
        settings: of the configuration.

    Raises:
        MissingSpanError: if a span is missing and that is to be an error.
        SpanChangedError: if the data of a span changed after it was trained on.
        SpanError: if names are no spans, or spans overlap.
    """
    known = arranged(found, settings.spans)
    refused = state.refused
    passed: tuple[PlannedSpan, ...] = ()
    if refused and settings.when_refused == "skip":
        passed = refused.plan.newly_trained
    elif refused and not _is_dealt_with(refused, known, state.skipped):
        return SpanPlan(waits_for=_refusal(refused), is_refused=True)
    progress = Progress(state, passed)
    _refuse_other_lengths(known, progress)
    _refuse_changed(known, progress, is_cut=settings.is_cut)
    oldest = oldest_start(state, settings.spans)
    known = [span for span in known if oldest is None or oldest <= span.name.start]
    chosen = Choice(known, progress, settings).chosen()
    if not chosen.is_due:
        return chosen
    return chosen.model_copy(
        update={
            "passed": passed,
            "base": state.base,
            "warm_start": settings.warm_start,
            "baseline": state.baseline,
            "history": _history(state),
        }
    )


def _is_dealt_with(
    refused: Trained, known: Sequence[KnownSpan], skipped: Collection[str]
) -> bool:
    """Tells whether somebody has left out or replaced what a refused model learnt."""
    there = {span.found.span: span.found for span in known}
    for span in refused.plan.newly_trained:
        found = there.get(span.span)
        is_another = found and (
            found.version > span.version
            or (found.version == span.version and found.digest != span.digest)
        )
        if span.span in skipped or is_another:
            return True
    return False


def _refusal(refused: Trained) -> str:
    spans = ", ".join(map(str, refused.plan.newly_trained))
    why = "; ".join(refused.reasons) or "no reason was recorded"
    return (
        f"a decision: the model that learnt {spans} was refused ({why}). Correct the "
        "data under a new version; or leave a span out with `shardline spans skip "
        "CONFIG SPAN --reason REASON`; or try again with `shardline spans retry "
        "CONFIG`, then `shardline run CONFIG` or, to publish all the same, with "
        "`--force REASON`; or set `evaluation.when_refused: skip`."
    )


def _refuse_other_lengths(known: Sequence[KnownSpan], progress: Progress) -> None:
    frontier = progress.frontier
    if frontier and known and frontier.every != known[0].name.every:
        raise SpanError(
            f"Runs have trained on spans such as {frontier.name}, and now there are "
            f"spans such as {known[0].name.name}. Name them alike, or publish to "
            "another folder, where training begins anew."
        )


def _refuse_changed(
    known: Sequence[KnownSpan], progress: Progress, *, is_cut: bool
) -> None:
    for span in known:
        digest = progress.digest(span.found)
        if digest and digest != span.found.digest:
            name, version = span.found.span, span.found.version
            remedy = (
                "or write it beside the old one under a {VERSION} of its own, which "
                "is then trained on as a new version; "
            )
            raise SpanChangedError(
                f"Span {name}, version {version}, was trained on, and its data is "
                f"another now: its digest was {digest[:24]} and is "
                f"{span.found.digest[:24]}. It shrank, grew or was written again. Put "
                f"the data back as it was; {'' if is_cut else remedy}or train again "
                f"from there on with `shardline spans replay CONFIG --from {name}`."
            )


def _history(state: SpanState) -> dict[str, SpanProfile]:
    profiles: dict[str, SpanProfile] = {}
    for run in state.runs:
        if run.verdict != "refused":
            profiles |= run.profiles
    newest = sorted(profiles, key=lambda name: start_of(name.partition(".v")[0]))
    return {name: profiles[name] for name in newest[-_MOST_PROFILES:]}
