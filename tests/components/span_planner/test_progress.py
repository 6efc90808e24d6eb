"""What was trained on, by version and part."""

from pathlib import Path

from shardline_tests import load

from shardline.components.contracts.spans.plan import PlannedSpan, SpanPlan
from shardline.components.contracts.spans.state import SpanState
from shardline.components.readers.span_reader import FoundSpan
from shardline.components.span_planner.progress import Progress

history = load(Path(__file__).with_name("history.py"))


def planned(span: str, part: str = "all", version: int = 1) -> PlannedSpan:
    digest = f"{span} v{version}"
    return PlannedSpan(span=span, version=version, digest=digest, part=part)  # type: ignore[arg-type]


def found(span: str, version: int = 1) -> FoundSpan:
    return FoundSpan(span, version, "digest")


def state_of(*runs: list[PlannedSpan], refused: int | None = None) -> SpanState:
    state = SpanState(name="run", skipped={"8": "bots"})
    for number, spans in enumerate(runs):
        plan = SpanPlan(train=tuple(spans), new=tuple(map(str, spans)))
        verdict = "refused" if number == refused else "published"
        state = history.after(state, plan, verdict)
    return state


def test_nothing_is_behind_a_new_state() -> None:
    progress = Progress(SpanState(name="run"), ())

    assert progress.frontier is None
    assert not progress.is_done(found("1"))
    assert progress.parts(found("1")) == []


def test_parts_add_up() -> None:
    progress = Progress(
        state_of([planned("1", "head")], [planned("1", "tail"), planned("2", "head")]),
        (),
    )

    assert progress.parts(found("1")) == ["all"]
    assert not progress.has_open_tail(found("1"))
    assert progress.parts(found("2")) == ["head"]
    assert progress.has_open_tail(found("2"))
    assert progress.frontier is not None
    assert progress.frontier.name == "2"


def test_versions_are_told_apart() -> None:
    progress = Progress(state_of([planned("1", version=2)]), ())

    assert progress.is_done(found("1"))
    assert progress.is_done(found("1", 2))
    assert not progress.is_done(found("1", 3))
    assert progress.parts(found("1")) == []
    assert progress.has_earlier(found("1", 3))
    assert not progress.has_earlier(found("1", 2))
    assert progress.digest(found("1", 2)) == "1 v2"
    assert progress.digest(found("1", 3)) is None


def test_refused_spans_count_once_they_are_passed() -> None:
    state = state_of([planned("1")], [planned("10")], refused=1)

    assert not Progress(state, ()).is_done(found("10"))
    passed = Progress(state, [planned("10")])
    assert passed.is_done(found("10"))
    assert passed.parts(found("10")) == []
    assert passed.frontier is not None
    assert passed.frontier.name == "10"


def test_tail_that_was_passed_stays_out() -> None:
    state = state_of([planned("1", "head")])

    assert not Progress(state, [planned("1", "tail")]).has_open_tail(found("1"))


def test_skipped_span_is_done() -> None:
    progress = Progress(state_of([planned("1")]), ())

    assert progress.is_skipped("8")
    assert progress.is_done(found("8", 3))
