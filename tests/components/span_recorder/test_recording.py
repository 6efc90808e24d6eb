"""The state after a run that published, was forced, or was refused."""

import datetime
from collections.abc import Mapping

import pytest

from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    Comparison,
    Measured,
    SliceResult,
)
from shardline.components.contracts.spans.files import SpanFiles, SpanPart
from shardline.components.contracts.spans.plan import Base, PlannedSpan, SpanPlan
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.contracts.spans.state import SpanState, StateError
from shardline.components.contracts.validation import Gate
from shardline.components.span_recorder.recording import Made, Outcome, recorded

NEW = SpanState(name="run")
PUSHED: Mapping[str, int | str] = {"pushed": 1, "pushed_version": "1764500000"}
WORSE = Gate(gate="regression", passes=False, why="AUC fell by 0.02, 0.005 is allowed")
PASSES = Gate(gate="label_shift", passes=True, why="0.31 beside 0.30")


def planned(span: str, part: str = "all") -> PlannedSpan:
    return PlannedSpan(span=span, digest=f"data of {span}", part=part)  # type: ignore[arg-type]


def plan_of(state: SpanState, *spans: str, new: str, **told: object) -> SpanPlan:
    profile = SpanProfile(examples=1, content="old")
    return SpanPlan(
        train=tuple(map(planned, spans)),
        new=(new,),
        evaluate=planned("9"),
        base=state.base,
        baseline=state.baseline,
        history={"0": profile},
        reason="the next span",
    ).model_copy(update=told)


def record(
    state: SpanState,
    plan: SpanPlan,
    pushed: Mapping[str, int | str] = PUSHED,
    *gates: Gate,
) -> SpanState:
    """Returns the state after a run."""
    number = len(state.runs) + 1
    made = Made(
        checkpoint=f"checkpoint/{number}",
        vocabularies=f"vocabularies/{number}",
        transform_graph=f"graph/{number}",
        model=f"model/{number}",
        steps=10 * number,
    )
    everything = SliceResult(
        name="all",
        examples=5,
        positives=2,
        metrics={
            CANDIDATE: {
                "auc": Measured(value=0.75),
                "grouped_auc": Measured(value=None, undefined="one user"),
            }
        },
        differences={},
    )
    comparison = Comparison(judged_on="9", models={}, slices=(everything,), gates=gates)
    parts = [(span, "train") for span in plan.train] + [(planned("9"), "eval")]
    files = SpanFiles(
        parts=tuple(
            SpanPart(
                planned=span,
                split=split,
                files=(f"{span}.gz",),
                examples=3,
                profile=SpanProfile(examples=3, content=span.whole),
            )
            for span, split in parts
        )
    )
    return recorded(state, plan, made, Outcome.of(pushed), comparison, files)


def test_published_model_is_what_the_next_run_goes_on_from() -> None:
    plan = plan_of(NEW, "1", new="1")

    state = record(NEW, plan, PUSHED, PASSES)

    (run,) = state.runs
    assert run.base == state.base
    assert state.base == Base(
        checkpoint="checkpoint/1",
        vocabularies="vocabularies/1",
        transform_graph="graph/1",
        steps=10,
        spans=("1",),
    )
    assert (run.verdict, run.version, run.reasons) == ("published", "1764500000", ())
    assert run.metrics == {"auc": 0.75}
    assert run.model == state.baseline == "model/1"
    assert datetime.datetime.fromisoformat(run.ended).tzinfo
    assert state.refused is None


def test_baseline_is_never_updated_and_what_was_learnt_adds_up() -> None:
    first = record(NEW, plan_of(NEW, "1", new="1"))

    second = record(first, plan_of(first, "1", "2", new="2"))

    assert second.baseline == "model/1"
    assert second.base is not None
    assert second.base.spans == ("1 to 2",)


def test_model_that_begins_anew_has_learnt_its_window_alone() -> None:
    first = record(NEW, plan_of(NEW, "1", new="1"))

    second = record(first, plan_of(first, "2", "3", new="3", warm_start=False))

    assert second.base is not None
    assert second.base.spans == ("2 to 3",)


def test_profiles_are_of_new_spans_and_histories_are_not_kept_twice() -> None:
    plan = plan_of(NEW, new="").model_copy(
        update={
            "train": (planned("1"), planned("2", "tail"), planned("3", "head")),
            "new": ("2/tail", "3/head"),
        }
    )

    (run,) = record(NEW, plan).runs

    assert {name: profile.content for name, profile in run.profiles.items()} == {
        "2": "2",
        "3": "3",
    }
    assert run.plan.history == {}


def test_refused_model_leaves_the_base_and_says_why() -> None:
    first = record(NEW, plan_of(NEW, "1", new="1"))
    blocked = {"pushed": 0, "blocked_by": "evaluation,regression"}

    second = record(first, plan_of(first, "2", new="2"), blocked, PASSES, WORSE)

    run = second.refused
    assert run is not None
    assert run.base == second.base == first.base
    assert run.version == ""
    assert run.reasons == (
        "evaluation",
        "regression: AUC fell by 0.02, 0.005 is allowed",
    )


def test_first_model_that_is_refused_is_no_baseline() -> None:
    state = record(NEW, plan_of(NEW, "1", new="1"), {"pushed": 0, "blocked_by": "size"})

    assert state.base is None
    assert state.baseline is None
    assert record(state, plan_of(state, "1", new="1")) == state
    other = record(state, plan_of(state, "2", new="2"))
    assert other.baseline == "model/2"


def test_force_is_recorded_with_what_it_overrode() -> None:
    forced = {**PUSHED, "forced": "agreed on", "overridden": "regression"}

    (run,) = record(NEW, plan_of(NEW, "1", new="1"), forced, WORSE).runs

    assert run.verdict == "forced"
    assert run.base is not None
    assert run.reasons == ("agreed on", f"regression: {WORSE.why}")


def test_force_that_overrode_nothing_published_as_ever() -> None:
    forced = {**PUSHED, "forced": "to be sure", "overridden": ""}

    (run,) = record(NEW, plan_of(NEW, "1", new="1"), forced).runs

    assert (run.verdict, run.reasons) == ("published", ())


def test_run_that_is_recorded_changes_nothing() -> None:
    plan = plan_of(NEW, "1", new="1")
    state = record(NEW, plan)

    assert record(state, plan) is state


def test_plan_of_another_state_is_refused() -> None:
    first = record(NEW, plan_of(NEW, "1", new="1"))
    stale = plan_of(NEW, "2", new="2")

    with pytest.raises(StateError) as raised:
        record(first, stale)

    assert str(raised.value).startswith(
        "The plan to train on 2 goes on from nothing, and the state says checkpoint "
        "checkpoint/1. Another run"
    )
