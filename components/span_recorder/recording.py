"""The state after a run: what it learnt, what became of its model, what comes next."""

import datetime
from collections.abc import Mapping
from typing import Literal, NamedTuple

from shardline.components.contracts.spans.comparison import CANDIDATE, Comparison
from shardline.components.contracts.spans.files import SpanFiles
from shardline.components.contracts.spans.learnt import together
from shardline.components.contracts.spans.plan import Base, SpanPlan, Trained
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.contracts.spans.state import SpanState, StateError


class Made(NamedTuple):
    """What a run has made.

    Attributes:
        checkpoint: folder of the HostShardedCheckpoint.
        vocabularies: folder of the LivingVocabulary.
        transform_graph: folder of the TransformGraph.
        model: folder of the Model.
        steps: training steps behind the checkpoint.
    """

    checkpoint: str
    vocabularies: str
    transform_graph: str
    model: str
    steps: int


class Outcome(NamedTuple):
    """What became of the model, as Pusher records it.

    Attributes:
        pushed: whether it was published.
        version: that was published; "" for none.
        blocked_by: the gates that kept it from being published.
        forced: the reason to publish it whatever the gates said; "" for none.
        overridden: the gates that were overridden.
    """

    pushed: bool
    version: str = ""
    blocked_by: tuple[str, ...] = ()
    forced: str = ""
    overridden: tuple[str, ...] = ()

    @classmethod
    def of(cls, properties: Mapping[str, int | str]) -> "Outcome":
        """Returns what the properties of a PushedModel say."""
        names = [str(properties.get(key, "")) for key in ("blocked_by", "overridden")]
        blocked_by, overridden = (tuple(filter(None, n.split(","))) for n in names)
        return cls(
            bool(properties.get("pushed", 0)),
            str(properties.get("pushed_version", "")),
            blocked_by,
            str(properties.get("forced", "")),
            overridden,
        )


def recorded(
    state: SpanState,
    plan: SpanPlan,
    made: Made,
    outcome: Outcome,
    comparison: Comparison,
    files: SpanFiles,
) -> SpanState:
    """Returns the state after a run; the same one if the run is in it already.

    Args:
        state: the state before.
        plan: what the run did.
        made: what it has made.
        outcome: what became of its model.
        comparison: the candidate beside other models.
        files: the spans that it has read.

    Raises:
        StateError: if the plan was not made from this state.
    """
    if state.has_recorded(plan):
        return state
    if plan.base != state.base:
        raise StateError(
            f"The plan to train on {plan.spans} goes on from {_told(plan.base)}, and "
            f"the state says {_told(state.base)}. Another run has written the state "
            "meanwhile. Run again: it plans anew."
        )
    run = Trained(
        # Profiles are in the runs that they are of.
        plan=plan.model_copy(update={"history": {}}),
        base=_base(plan, made) if outcome.pushed else state.base,
        model=made.model,
        verdict=_verdict(outcome),
        version=outcome.version,
        reasons=_reasons(outcome, comparison),
        profiles=_profiles(plan, files),
        metrics=_metrics(comparison),
        ended=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    baseline = state.baseline or (made.model if outcome.pushed else None)
    return state.model_copy(update={"runs": (*state.runs, run), "baseline": baseline})


def _told(base: Base | None) -> str:
    return f"checkpoint {base.checkpoint}" if base else "nothing"


def _base(plan: SpanPlan, made: Made) -> Base:
    learnt = plan.new
    if not plan.warm_start:
        learnt = tuple(map(str, plan.train))
    elif plan.base:
        learnt = (*plan.base.spans, *plan.new)
    return Base(
        checkpoint=made.checkpoint,
        vocabularies=made.vocabularies,
        transform_graph=made.transform_graph,
        steps=made.steps,
        spans=together(learnt),
    )


def _verdict(outcome: Outcome) -> Literal["published", "forced", "refused"]:
    if not outcome.pushed:
        return "refused"
    return "forced" if outcome.overridden else "published"


def _reasons(outcome: Outcome, comparison: Comparison) -> tuple[str, ...]:
    """Returns the closed gates, each with why it is closed if the comparison tells."""
    why = {gate.gate: f"{gate.gate}: {gate.why}" for gate in comparison.closed}
    closed = outcome.overridden if outcome.pushed else outcome.blocked_by
    reasons = tuple(why.get(gate, gate) for gate in closed)
    return (outcome.forced, *reasons) if outcome.overridden else reasons


def _profiles(plan: SpanPlan, files: SpanFiles) -> dict[str, SpanProfile]:
    new = {span.whole for span in plan.newly_trained}
    return {
        part.planned.whole: part.profile
        for part in files.parts
        if part.split == "train" and part.planned.whole in new
    }


def _metrics(comparison: Comparison) -> dict[str, float]:
    if not comparison.slices:
        return {}
    measured = comparison.slices[0].metrics.get(CANDIDATE, {})
    return {
        name: metric.value
        for name, metric in measured.items()
        if metric.value is not None
    }
