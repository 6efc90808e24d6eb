"""What a person changes of the state: spans left out, models tried again."""

from shardline.components.contracts.spans.state import SpanState
from shardline.components.span_planner.calendar import start_of
from shardline.configs.span_names import read_span


class EditError(ValueError):
    """A change of the state that has no meaning."""


def skipped(state: SpanState, span: str, reason: str) -> SpanState:
    """Returns the state with a span left out for good; it may be one that is missing.

    Args:
        state: the state.
        span: its name.
        reason: why, for those who look later.

    Raises:
        EditError: if it is no name of a span, is left out already, or a model that
            others build on has learnt it.
    """
    name = _named(span)
    if not reason.strip():
        raise EditError("The reason is empty. Say why the span is left out.")
    if name in state.skipped:
        raise EditError(f"Span {name} is left out already: {state.skipped[name]}")
    for run in state.runs:
        learnt = {one.span for one in run.plan.newly_trained}
        if run.verdict != "refused" and name in learnt:
            raise EditError(
                f"Span {name} was learnt by the run on {run.plan.spans}. To go back to "
                f"before it: `shardline spans replay CONFIG --from {name}`; then skip "
                "it."
            )
    return state.model_copy(
        update={"skipped": {**state.skipped, name: " ".join(reason.split())}}
    )


def retried(state: SpanState) -> SpanState:
    """Returns the state without the last run, whose model was refused.

    Raises:
        EditError: if it was not.
    """
    if state.refused is None:
        raise EditError("No model was refused last: there is nothing to try again.")
    return state.model_copy(update={"runs": state.runs[:-1]})


def replayed(state: SpanState, span: str) -> SpanState:
    """Returns the state from before a span was learnt.

    All runs are undone from the first one on that learnt this span or a later one.
    Published models stay.

    Args:
        state: the state.
        span: its name.

    Raises:
        EditError: if it is no name of a span, or no run has learnt it or a later one.
    """
    start = start_of(_named(span))
    for number, run in enumerate(state.runs):
        new = run.plan.newly_trained
        if any(start_of(one.span) >= start for one in new):
            kept = state.runs[:number]
            has_published = any(one.verdict != "refused" for one in kept)
            baseline = state.baseline if has_published else None
            return state.model_copy(update={"runs": kept, "baseline": baseline})
    last = state.runs[-1].plan.spans if state.runs else "nothing"
    raise EditError(
        f"No run has trained on span {span} or a later one; the last one has trained "
        f"on {last}."
    )


def _named(span: str) -> str:
    name = read_span(span)
    if name is None:
        raise EditError(
            f"`{span}` is no name of a span: it is neither a whole number nor a date "
            "as ISO 8601 has it, such as 2026-11-30."
        )
    return name.name
