"""Which spans a run trains on, in every situation, one run after the other."""

from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.contracts.spans.plan import SpanPlan
from shardline.components.contracts.spans.state import SpanState
from shardline.components.span_planner.choice import MissingSpanError, Settings
from shardline.components.span_planner.planning import make_plan
from shardline.configs.spans import Spans

history = load(Path(__file__).with_name("history.py"))
there, after, names = history.there, history.after, history.names

NEW = SpanState(name="run")


def settings(**told: Any) -> Settings:
    """Returns settings, those of `data.spans` among them."""
    of_spans = {key: told.pop(key) for key in Spans.model_fields if key in told}
    return Settings(spans=Spans(**of_spans), **told)


def walked(
    spans: list[str], rules: Settings, state: SpanState = NEW
) -> tuple[list[tuple[list[str], str]], SpanPlan, SpanState]:
    """Carries out plans until nothing is due; returns them, the last, and the state."""
    plans = []
    while (plan := make_plan(state, there(*spans), rules)).is_due:
        plans.append(names(plan))
        state = after(state, plan)
    return plans, plan, state


def test_span_is_judged_on_the_next_one_and_then_trained_on() -> None:
    plans, last, _ = walked(["2026-11-29", "2026-12-01", "2026-11-30"], settings())

    assert plans == [(["2026-11-29"], "2026-11-30"), (["2026-11-30"], "2026-12-01")]
    assert last.waits_for == (
        "the span after 2026-12-01, such as 2026-12-02; all up to 2026-11-30 is done"
    )


def test_held_out_part_is_judged_on_before_it_is_trained_on() -> None:
    plans, last, _ = walked(["1", "2", "3"], settings(on="held_out"))

    assert plans == [
        (["1/head"], "1/tail"),
        (["1/tail", "2/head"], "2/tail"),
        (["2/tail", "3/head"], "3/tail"),
    ]
    assert last.waits_for == "the next span; all up to 3 is done"


def test_newest_span_of_growing_data_is_never_trained_on() -> None:
    plans, last, _ = walked(["1", "2"], settings(on="held_out", is_cut=True))

    assert plans == [(["1/head"], "1/tail")]
    assert "the span after 2, such as 3" in last.waits_for


def test_window_has_the_last_spans_and_only_one_of_them_is_new() -> None:
    rules = settings(window=3)

    plans, _, state = walked(["1", "2", "3", "4", "5"], rules)

    assert [train for train, _ in plans] == [
        ["1"],
        ["1", "2"],
        ["1", "2", "3"],
        ["2", "3", "4"],
    ]
    assert [run.plan.new for run in state.runs] == [("1",), ("2",), ("3",), ("4",)]


def test_window_of_held_out_data_has_parts() -> None:
    plans, _, state = walked(["1", "2", "3"], settings(on="held_out", window=2))

    assert [train for train, _ in plans] == [
        ["1/head"],
        ["1/head", "1/tail", "2/head"],
        ["2/head", "2/tail", "3/head"],
    ]
    assert state.runs[-1].plan.new == ("2/tail", "3/head")


@pytest.mark.parametrize(
    ("on", "plans"),
    [
        ("next_span", [(["3", "4"], "5"), (["4", "5"], "6")]),
        (
            "held_out",
            [(["4", "5/head"], "5/tail"), (["5/head", "5/tail", "6/head"], "")],
        ),
    ],
)
def test_run_that_begins_with_the_newest_leaves_the_past_alone(
    on: str, plans: list[Any]
) -> None:
    rules = settings(begin="newest", window=2, on=on)
    first, _, state = walked(["1", "2", "3", "4", "5"], rules)
    second, _, state = walked(["1", "2", "3", "4", "5", "6"], rules, state)

    trained = [train for train, _ in (*first, *second)]
    assert trained == [train for train, _ in plans]
    assert state.runs[0].plan.reason == "the newest spans"
    assert len(state.runs[0].plan.new) == 2


def test_spans_before_the_first_do_not_count() -> None:
    plans, *_ = walked(["1", "2", "3"], settings(first="2"))

    assert plans == [(["2"], "3")]


@pytest.mark.parametrize(("on", "judge"), [("next_span", "6"), ("held_out", "6/tail")])
def test_late_span_is_judged_on_the_newest_which_no_model_has_seen(
    on: str, judge: str
) -> None:
    rules = settings(on=on, missing="skip")
    _, _, state = walked(["1", "3", "4", "5"], rules)

    plan = make_plan(state, there("1", "2", "3", "4", "5", "6"), rules)

    assert names(plan) == (["2"], judge)
    assert (plan.new, plan.reason) == (("2",), "a late span")


def test_late_span_in_the_window_is_trained_on_with_the_window() -> None:
    rules = settings(window=3, missing="skip")
    _, _, state = walked(["1", "3", "4", "5"], rules)

    plan = make_plan(state, there("1", "2", "3", "4", "5"), rules)

    assert names(plan) == (["2", "3", "4"], "5")
    assert plan.new == ("2",)


def test_model_that_begins_anew_takes_late_spans_of_its_window_alone() -> None:
    rules = settings(window=2, missing="skip", warm_start=False)
    _, _, state = walked(["2", "4", "5"], rules)

    assert names(make_plan(state, there("2", "3", "4", "5"), rules)) == (
        ["3", "4"],
        "5",
    )
    assert not make_plan(state, there("1", "2", "4", "5"), rules).is_due


def test_new_version_of_an_old_span_is_trained_on_once() -> None:
    rules = settings()
    _, _, state = walked(["1", "2", "3"], rules)

    plans, _, state = walked(["1", "1.v2", "2", "3"], rules, state)

    assert plans == [(["1.v2"], "3")]
    assert state.runs[-1].plan.reason == "a new version of an old span"


def test_first_run_takes_the_newest_version_alone() -> None:
    plans, _, state = walked(["1.v10", "1.v9", "1", "2"], settings())

    assert plans == [(["1.v10"], "2")]
    # The newest version was removed: what is left is older than what was learnt.
    assert not make_plan(state, there("1.v9", "2"), settings()).is_due


def test_new_version_of_the_newest_held_out_span_is_cut_again() -> None:
    rules = settings(on="held_out")
    _, _, state = walked(["1", "2"], rules)

    plans, _, _ = walked(["1", "2.v2", "3"], rules, state)
    again, _, _ = walked(["1", "2.v2"], rules, state)

    assert plans == [(["2.v2"], "3/tail"), (["3/head"], "3/tail")]
    assert again == [(["2.v2/head"], "2.v2/tail")]


def test_late_span_waits_if_every_span_is_learnt() -> None:
    rules = settings(missing="skip")
    _, _, state = walked(["1", "3", "4"], rules)

    plan = make_plan(state, there("1", "2", "3"), rules)

    assert not plan.is_due
    assert "newer than any, to judge 2, a late span" in plan.waits_for


def test_late_span_waits_if_the_part_that_would_judge_it_is_learnt() -> None:
    _, _, state = walked(["1", "3", "4"], settings(missing="skip"))

    plan = make_plan(state, there("1", "2", "3"), settings(on="held_out"))

    assert "newer than any, to judge 2, a late span" in plan.waits_for


def test_missing_span_is_waited_for() -> None:
    plans, last, state = walked(["1", "2", "4", "5"], settings())

    assert plans == [(["1"], "2")]
    assert last.waits_for.startswith("3, not there though 4 is. Bring the data; or")
    assert walked(["1", "2", "3", "4", "5"], settings(), state)[0] == [
        (["2"], "3"),
        (["3"], "4"),
        (["4"], "5"),
    ]


def test_missing_span_that_a_person_skips_is_not_waited_for() -> None:
    state = NEW.model_copy(update={"skipped": {"3": "the shop was closed"}})

    plans, *_ = walked(["1", "2", "4", "5"], settings(), state)

    assert plans == [(["1"], "2"), (["2"], "4"), (["4"], "5")]


def test_span_that_a_person_skips_neither_trains_nor_judges() -> None:
    state = NEW.model_copy(update={"skipped": {"2": "bots"}})

    plans, *_ = walked(["1", "2", "3", "4"], settings(window=2), state)

    assert plans == [(["1"], "3"), (["1", "3"], "4")]


def test_missing_span_is_gone_on_without() -> None:
    plans, _, state = walked(["1", "2", "8", "9"], settings(missing="skip"))

    assert plans == [(["1"], "2"), (["2"], "8"), (["8"], "9")]
    assert state.runs[1].plan.reason == (
        "the next span, without 3, 4, 5 and more (data.spans.missing: skip)"
    )


def test_missing_span_ends_with_an_error() -> None:
    rules = settings(missing="fail", on="held_out")
    _, _, state = walked(["2026-11-29"], rules)

    with pytest.raises(MissingSpanError, match="Missing: 2026-11-30, not there though"):
        make_plan(state, there("2026-11-29", "2026-12-01"), rules)


def test_wide_gap_between_numbers_costs_nothing() -> None:
    plan = make_plan(NEW, there("1", str(10**15)), settings())

    assert plan.waits_for.startswith("2, 3, 4 and more, not there")


def test_old_spans_may_be_removed() -> None:
    rules = settings(window=3)
    _, _, state = walked(["1", "2", "3", "4"], rules)

    plans, *_ = walked(["3", "4", "5"], rules, state)

    assert plans == [(["3", "4"], "5")]


def test_nothing_is_there() -> None:
    assert make_plan(NEW, [], settings()).waits_for == (
        "a span to train on: none is there"
    )


def test_way_of_judging_may_change() -> None:
    spans = ["1", "2", "3"]
    _, _, state = walked(spans, settings(on="held_out"))

    plans, _, state = walked([*spans, "4", "5"], settings(), state)
    back, _, _ = walked([*spans, "4", "5", "6"], settings(on="held_out"), state)

    assert plans == [(["3/tail", "4"], "5")]
    assert back == [(["5/head"], "5/tail"), (["5/tail", "6/head"], "6/tail")]
