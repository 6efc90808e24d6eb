"""Spans that a person leaves out, models tried again, and runs undone."""

import pytest

from shardline.components.contracts.spans.plan import (
    Base,
    PlannedSpan,
    SpanPlan,
    Trained,
)
from shardline.components.contracts.spans.state import SpanState
from shardline.components.span_recorder.edits import (
    EditError,
    replayed,
    retried,
    skipped,
)


def state_of(*runs: str) -> SpanState:
    """Returns a state by runs; one that ends in `!` was refused."""
    trained: list[Trained] = []
    base = None
    for text in runs:
        span, is_refused = text.removesuffix("!"), text.endswith("!")
        if not is_refused:
            base = Base(
                checkpoint=f"checkpoint/{span}",
                vocabularies="v",
                transform_graph="g",
                steps=1,
                spans=(span,),
            )
        trained.append(
            Trained(
                plan=SpanPlan(train=(PlannedSpan(span=span, digest="d"),), new=(span,)),
                base=base,
                model=f"model/{span}",
                verdict="refused" if is_refused else "published",
            )
        )
    published = [run.model for run in trained if run.verdict == "published"]
    baseline = published[0] if published else None
    return SpanState(name="run", runs=tuple(trained), baseline=baseline)


def test_span_is_skipped_with_a_reason() -> None:
    state = skipped(state_of("1", "2!"), "002", " bots\nwere about ")

    assert state.skipped == {"2": "bots were about"}
    assert skipped(state, "7", "a holiday").skipped.keys() == {"2", "7"}


@pytest.mark.parametrize(
    ("span", "reason", "message"),
    [
        ("1", "bots", "Span 1 was learnt by the run on 1. To go back to before it"),
        ("3", "  ", "The reason is empty"),
        ("latest", "bots", "`latest` is no name of a span"),
        ("4", "bots", "Span 4 is left out already: a holiday"),
    ],
)
def test_what_cannot_be_skipped_is_refused(
    span: str, reason: str, message: str
) -> None:
    state = skipped(state_of("1", "2!"), "4", "a holiday")

    with pytest.raises(EditError, match=message):
        skipped(state, span, reason)


def test_refused_model_is_tried_again() -> None:
    assert retried(state_of("1", "2!")) == state_of("1")
    with pytest.raises(EditError, match="No model was refused last"):
        retried(state_of("1", "2"))
    with pytest.raises(EditError, match="No model was refused last"):
        retried(state_of())


@pytest.mark.parametrize(
    ("runs", "span", "kept"),
    [
        (["1", "2", "3"], "2", ["1"]),
        (["1", "2", "3"], "1", []),
        (["1", "2!", "3"], "2", ["1"]),
        # A late span came after 4 was learnt.
        (["1", "3", "4", "2", "5"], "5", ["1", "3", "4", "2"]),
        (["1", "3", "4", "2", "5"], "2", ["1"]),
        (["1", "4"], "3", ["1"]),
        (["1!", "2", "3"], "2", ["1!"]),
    ],
)
def test_state_goes_back_to_before_a_span(
    runs: list[str], span: str, kept: list[str]
) -> None:
    state = replayed(state_of(*runs), span)

    assert [run.plan.spans for run in state.runs] == [one.strip("!") for one in kept]
    published = [one for one in kept if not one.endswith("!")]
    assert state.baseline == (f"model/{published[0]}" if published else None)
    assert state.base == (state.runs[-1].base if state.runs else None)


@pytest.mark.parametrize(
    ("runs", "span", "message"),
    [
        (["1", "2"], "3", "No run has trained on span 3 or a later one; the last one "),
        ([], "3", "the last one has trained on nothing"),
        (["1"], "x", "`x` is no name of a span"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    runs: list[str], span: str, message: str
) -> None:
    with pytest.raises(EditError, match=message):
        replayed(state_of(*runs), span)
