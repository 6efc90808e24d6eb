"""The choice of spans to train on, and of what judges the model."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Literal

from shardline.components.contracts.spans.plan import Part, PlannedSpan, SpanPlan
from shardline.components.span_planner.calendar import (
    KnownSpan,
    SpanError,
    missing_between,
    start_of,
)
from shardline.components.span_planner.progress import Progress
from shardline.configs.section import Section
from shardline.configs.span_names import SpanName
from shardline.configs.spans import Spans

_ALL: Part = "all"
_HEAD: Part = "head"
_TAIL: Part = "tail"
_NAMED_MISSING = 3


class MissingSpanError(SpanError):
    """A span that is not there, though a later one is."""


class Settings(Section):
    """What of a configuration decides on plans.

    Attributes:
        spans: `data.spans`.
        on: what models are judged on.
        when_refused: what follows a model that was refused.
        warm_start: whether a run goes on from the model of the run before.
        is_cut: whether a column of growing data tells the spans, so that the newest one
            is not complete.
    """

    spans: Spans
    on: Literal["next_span", "held_out"] = "next_span"
    when_refused: Literal["stop", "skip"] = "stop"
    warm_start: bool = True
    is_cut: bool = False


class Choice:
    """Chooses the spans of a plan."""

    def __init__(
        self, known: Sequence[KnownSpan], progress: Progress, settings: Settings
    ) -> None:
        """Takes what the choice depends on.

        Args:
            known: the spans that are there, oldest first.
            progress: what was trained on.
            settings: of the configuration.
        """
        self._progress = progress
        self._settings = settings
        self._known = [span for span in known if not progress.is_skipped(span[0].name)]
        # Models are trained on complete spans only.
        self._complete = self._known[:-1] if settings.is_cut else self._known

    def chosen(self) -> SpanPlan:
        """Returns the plan without what it builds on."""
        if not self._known:
            return SpanPlan(waits_for="a span to train on: none is there")
        frontier = self._progress.frontier
        if frontier:
            for span in self._known:
                if span.name.start <= frontier.start and self._is_wanted(span):
                    return self._late(span, frontier)
        ahead = [s for s in self._known if not frontier or s[0].start > frontier.start]
        if self._settings.on == "held_out":
            return self._next_held_out(frontier, ahead)
        return self._next_span(frontier, ahead)

    def _is_wanted(self, span: KnownSpan) -> bool:
        """Tells whether a span that is not ahead is to be trained on."""
        if self._progress.is_done(span.found):
            return False
        if self._settings.warm_start:
            return True
        # A model that begins anew learns the last window, and nothing before it.
        behind = [s for s in self._known if s[0].start <= self._frontier_start()]
        return span in behind[-self._settings.spans.window :]

    def _frontier_start(self) -> int:
        assert self._progress.frontier is not None
        return self._progress.frontier.start

    def _late(self, span: KnownSpan, frontier: SpanName) -> SpanPlan:
        """Returns a plan for a span that comes after later ones were trained on."""
        is_again = self._progress.has_earlier(span.found)
        reason = "a new version of an old span" if is_again else "a late span"
        # What judges is the newest span: no model has learnt that.
        newest, judging, part = self._known[-1], _ALL, _ALL
        is_seen = newest.name.start <= frontier.start
        if self._settings.on == "held_out" and self._complete:
            newest, judging = self._complete[-1], _TAIL
            part = _HEAD if newest == span else _ALL
            is_seen = not {_ALL, _TAIL}.isdisjoint(self._progress.parts(newest.found))
        if is_seen:
            told = f"{_planned(span, _ALL)}, {reason}"
            return SpanPlan(waits_for=f"a span that is newer than any, to judge {told}")
        evaluate = _planned(newest, judging)
        others = [s for s in self._window(frontier.end) if s.span != span.name.name]
        names = list(dict.fromkeys(one.span for one in others))
        kept = names[max(0, len(names) + 1 - self._settings.spans.window) :]
        train = [one for one in others if one.span in kept]
        return self._plan([*train, _planned(span, part)], evaluate, reason)

    def _next_span(
        self, frontier: SpanName | None, ahead: Sequence[KnownSpan]
    ) -> SpanPlan:
        """Returns a plan for the next span, judged on the one that follows it."""
        if len(ahead) < 2:
            return SpanPlan(waits_for=self._what_comes(frontier, ahead))
        first = frontier is None and self._settings.spans.begin == "newest"
        size = self._settings.spans.window if first else 1
        *_, evaluate = ahead = ahead if first else ahead[:2]
        chosen = ahead[-1 - size : -1]
        gap = self._gap([*([frontier] if frontier else []), *_names(chosen)], evaluate)
        if gap.waits_for:
            return gap
        return self._regular(frontier, chosen, _ALL, _planned(evaluate, _ALL), gap)

    def _next_held_out(
        self, frontier: SpanName | None, ahead: Sequence[KnownSpan]
    ) -> SpanPlan:
        """Returns a plan for the next span, judged on its own last part."""
        complete = [span for span in ahead if span in self._complete]
        if not complete:
            return SpanPlan(waits_for=self._what_comes(frontier, ahead))
        first = frontier is None and self._settings.spans.begin == "newest"
        size = self._settings.spans.window if first else 1
        *before, newest = complete[-size:] if first else complete[:1]
        gap = self._gap([*([frontier] if frontier else []), *_names(before)], newest)
        if gap.waits_for:
            return gap
        chosen = [*before, newest]
        return self._regular(frontier, chosen, _HEAD, _planned(newest, _TAIL), gap)

    def _regular(
        self,
        frontier: SpanName | None,
        chosen: Sequence[KnownSpan],
        part: Part,
        evaluate: PlannedSpan,
        gap: SpanPlan,
    ) -> SpanPlan:
        *before, newest = chosen
        window = self._window(newest.name.start)
        names = list(dict.fromkeys(span.span for span in window))
        most = max(0, self._settings.spans.window - len(chosen))
        kept = names[-most:] if most else []
        train = [span for span in window if span.span in kept]
        tails = [
            _planned(span, _TAIL)
            for span in self._known
            if self._progress.has_open_tail(span.found)
        ]
        added = [*(_planned(span, _ALL) for span in before), _planned(newest, part)]
        reason = "the next span" if frontier else "the first span"
        if not frontier and self._settings.spans.begin == "newest":
            reason = "the newest spans" if before else "the newest span"
        return self._plan([*train, *tails, *added], evaluate, reason + gap.reason)

    def _window(self, end: int) -> list[PlannedSpan]:
        """Returns what was trained on of spans that begin before a time."""
        return [
            _planned(span, part)
            for span in self._known
            if span.name.start < end
            for part in self._progress.parts(span.found)
        ]

    def _plan(
        self, train: Sequence[PlannedSpan], evaluate: PlannedSpan, reason: str
    ) -> SpanPlan:
        ordered = sorted(train, key=lambda span: (start_of(span.span), span.part))
        known = {(s.found.span, s.found.version): s.found for s in self._known}
        new = [
            str(span)
            for span in ordered
            if not {_ALL, span.part}
            & set(self._progress.parts(known[(span.span, span.version)]))
        ]
        return SpanPlan(
            train=tuple(ordered), new=tuple(new), evaluate=evaluate, reason=reason
        )

    def _gap(self, before: Sequence[SpanName], last: KnownSpan) -> SpanPlan:
        """Returns what to wait for, or as the reason what is gone on without."""
        missing = [
            name
            for one, other in itertools.pairwise([*before, last.name])
            for name in _first_missing(one, other, self._progress)
        ]
        if not missing:
            return SpanPlan()
        mode = self._settings.spans.missing
        told = ", ".join(missing[:_NAMED_MISSING])
        if len(missing) > _NAMED_MISSING:
            told += " and more"
        if mode == "skip":
            return SpanPlan(reason=f", without {told} (data.spans.missing: skip)")
        fact = f"{told}, not there though {last.name.name} is"
        remedy = (
            "Bring the data; or leave it out with `shardline spans skip CONFIG SPAN "
            "--reason REASON`; or set `data.spans.missing: skip`."
        )
        if mode == "fail":
            raise MissingSpanError(f"Missing: {fact}. {remedy}")
        return SpanPlan(waits_for=f"{fact}. {remedy}")

    def _what_comes(self, frontier: SpanName | None, ahead: Sequence[KnownSpan]) -> str:
        behind = f"; all up to {frontier.name} is done" if frontier else ""
        if not ahead:
            return f"the next span{behind}"
        newest = ahead[-1].name
        after = newest.after().name
        return f"the span after {newest.name}, such as {after}{behind}"


def _first_missing(
    before: SpanName, after: SpanName, progress: Progress
) -> Iterable[str]:
    """Returns the first few names that are missing between two spans."""
    missing = missing_between(before, after)
    wanted = (name for name in missing if not progress.is_skipped(name))
    return itertools.islice(wanted, _NAMED_MISSING + 1)


def _planned(span: KnownSpan, part: Part) -> PlannedSpan:
    found = span.found
    return PlannedSpan(
        span=found.span, version=found.version, digest=found.digest, part=part
    )


def _names(spans: Iterable[KnownSpan]) -> list[SpanName]:
    return [span.name for span in spans]
