"""What a plan builds on, refused models, changed data, and digests of what is known."""

from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.contracts.spans.plan import load_plan
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.contracts.spans.state import SpanState
from shardline.components.readers.span_reader import FoundSpan
from shardline.components.span_planner.calendar import SpanError
from shardline.components.span_planner.choice import Settings
from shardline.components.span_planner.planning import (
    SpanChangedError,
    known_by,
    make_plan,
    settings_of,
)
from shardline.configs.schema import Data, Evaluation
from shardline.configs.spans import Spans

history = load(Path(__file__).with_name("history.py"))
there, after, names = history.there, history.after, history.names

NEW = SpanState(name="run")
SKIPPING = Settings(spans=Spans(), when_refused="skip")


def test_plan_builds_on_what_the_last_run_left(tmp_path: Path) -> None:
    rules = Settings(spans=Spans(), warm_start=False)
    first = make_plan(NEW, there("1", "2", "3"), rules)
    state = after(NEW, first).model_copy(update={"baseline": "model/1"})

    second = make_plan(state, there("1", "2", "3"), rules)

    assert (first.base, first.baseline) == (None, None)
    assert (first.reason, second.reason) == ("the first span", "the next span")
    assert second.base == state.base
    assert second.baseline == "model/1"
    assert not second.warm_start
    second.save(str(tmp_path))
    assert load_plan(str(tmp_path)) == second


def test_planning_twice_gives_the_same_plan() -> None:
    found = there("1", "2", "3")

    assert make_plan(NEW, found, SKIPPING) == make_plan(NEW, found[::-1], SKIPPING)


def test_plan_has_the_profiles_of_the_last_twelve_spans() -> None:
    state = NEW
    spans = [str(number) for number in range(1, 20)]
    for number in range(1, 16):
        plan = make_plan(state, there(*spans), SKIPPING)
        state = after(state, plan, "refused" if number == 9 else "published")
        profile = SpanProfile(examples=number, content=str(number))
        run = state.runs[-1].model_copy(update={"profiles": {str(number): profile}})
        state = state.model_copy(update={"runs": (*state.runs[:-1], run)})

    plan = make_plan(state, there(*spans), SKIPPING)

    expected = [str(number) for number in range(3, 16) if number != 9]
    assert list(plan.history) == expected
    assert plan.history["15"].examples == 15


def refused_state(*verdicts: str, rules: Settings = SKIPPING) -> SpanState:
    """Returns the state after runs on 1, 2, ... with these verdicts."""
    state = NEW
    for verdict in verdicts:
        plan = make_plan(state, there("1", "2", "3", "4", "5"), rules)
        state = after(state, plan, verdict)
    return state


def test_refused_model_stops_until_a_person_decides() -> None:
    rules = Settings(spans=Spans())
    state = refused_state("published", "refused")

    plan = make_plan(state, there("1", "2", "3", "4"), rules)

    assert not plan.is_due
    assert plan.is_refused
    assert plan.waits_for.startswith(
        "a decision: the model that learnt 2 was refused (too bad). Correct the data"
    )
    for remedy in ("spans skip", "spans retry", "--force", "when_refused: skip"):
        assert remedy in plan.waits_for


@pytest.mark.parametrize("found", [("1", "2", "2.v2", "3"), ("1", "2.v2", "3")])
def test_new_version_of_refused_data_is_a_decision(found: tuple[str, ...]) -> None:
    state = refused_state("published", "refused")

    plan = make_plan(state, there(*found), Settings(spans=Spans()))

    assert names(plan) == (["2.v2"], "3")
    assert plan.base == state.runs[0].base


def test_refused_data_that_was_written_again_is_a_decision() -> None:
    state = refused_state("published", "refused")
    found = [*there("1", "3"), FoundSpan("2", 1, "mended")]

    plan = make_plan(state, found, Settings(spans=Spans()))

    assert names(plan) == (["2"], "3")
    assert plan.train[0].digest == "mended"


def test_skipping_the_refused_span_is_a_decision() -> None:
    state = refused_state("published", "refused")
    state = state.model_copy(update={"skipped": {"2": "bots"}})

    plan = make_plan(state, there("1", "2", "3", "4"), Settings(spans=Spans()))

    assert names(plan) == (["3"], "4")


def test_run_goes_on_without_the_spans_of_a_refused_model() -> None:
    state = refused_state("published", "refused", "refused")

    plan = make_plan(state, there("1", "2", "3", "4", "5"), SKIPPING)

    assert names(plan) == (["4"], "5")
    assert [str(span) for span in plan.passed] == ["3"]
    assert plan.base == state.runs[0].base


def test_spans_that_were_passed_stay_so_when_the_settings_change() -> None:
    state = refused_state("published", "refused", "published")

    plan = make_plan(state, there("1", "2", "3", "4", "5"), Settings(spans=Spans()))

    assert names(plan) == (["4"], "5")
    window = Settings(spans=Spans(window=3))
    assert names(make_plan(state, there("1", "2", "3", "4", "5"), window)) == (
        ["1", "3", "4"],
        "5",
    )


def test_new_version_of_a_span_that_was_passed_is_trained_on() -> None:
    state = refused_state("published", "refused", "published")

    plan = make_plan(state, there("1", "2.v2", "3", "4"), SKIPPING)

    assert names(plan) == (["2.v2"], "4")
    assert plan.reason == "a new version of an old span"


def test_first_model_may_be_refused() -> None:
    for begin in ("oldest", "newest"):
        rules = SKIPPING.model_copy(
            update={"spans": Spans(begin=begin)}  # type: ignore[arg-type]
        )
        state = refused_state("refused", rules=rules)

        plan = make_plan(state, there("1", "2", "3", "4", "5", "6"), rules)

        assert plan.is_due
        assert plan.base is None


def test_span_that_changed_after_it_was_learnt_is_an_error() -> None:
    state = refused_state("published", "published")
    found = [*there("1", "3", "4"), FoundSpan("2", 1, "less")]

    with pytest.raises(SpanChangedError) as raised:
        make_plan(state, found, SKIPPING)

    text = str(raised.value)
    assert text.startswith(
        "Span 2, version 1, was trained on, and its data is another now: its digest "
        "was data of 2 and is less. It shrank, grew or was written again."
    )
    assert "{VERSION}" in text
    assert "spans replay CONFIG --from 2`" in text


def test_span_may_change_once_something_was_erased_from_it() -> None:
    state = refused_state("published", "published")
    found = [*there("1", "3", "4"), FoundSpan("2", 1, "less")]

    plan = make_plan(state.model_copy(update={"erased": ("2",)}), found, SKIPPING)

    assert [one.span for one in plan.train] == ["3"]


def test_span_that_only_judged_may_change() -> None:
    state = refused_state("published")
    found = [*there("1", "3"), FoundSpan("2", 1, "more")]

    assert names(make_plan(state, found, SKIPPING)) == (["2"], "3")


def test_spans_of_another_length_than_those_learnt_are_refused() -> None:
    state = refused_state("published")

    with pytest.raises(SpanError, match="such as 1, and now there are spans such as 2"):
        make_plan(state, there("2026-11", "2026-12"), SKIPPING)


@pytest.mark.parametrize(
    ("pattern", "on", "expected"),
    [
        ("day-{SPAN}/*.csv", None, ("next_span", False)),
        ("*.csv", "held_out", ("held_out", True)),
        ("*.csv", "next_span", ("next_span", True)),
    ],
)
def test_settings_are_those_of_the_configuration(
    pattern: str, on: Any, expected: tuple[str, bool]
) -> None:
    files = {"format": "csv", "splits": {"train": pattern}}
    data = Data.model_validate(
        {"files": files, "path": "data", "spans": {"column": "time", "every": "day"}}
    )
    evaluation = Evaluation(min_auc=0.5, on=on, when_refused="skip")

    settings = settings_of(data, evaluation, warm_start=False)

    assert (settings.on, settings.is_cut) == expected
    assert settings.spans == data.spans
    assert settings.when_refused == "skip"
    assert not settings.warm_start
    without = data.model_copy(update={"spans": None})
    with pytest.raises(ValueError, match=r"expected `data\.spans`"):
        settings_of(without, evaluation, warm_start=True)


def test_digest_of_a_plan_changes_with_it_alone() -> None:
    state = refused_state("published")
    plan = make_plan(state, there("1", "2", "3"), SKIPPING)
    digest = known_by(plan)

    assert len(digest) == 16
    # What came meanwhile changes nothing for a run that was killed.
    more = make_plan(state, there("1", "2", "3", "4", "5"), SKIPPING)
    assert known_by(more) == digest
    others = [
        make_plan(NEW, there("1", "2", "3"), SKIPPING),
        make_plan(state, there("1", "2", "3.v2"), SKIPPING),
        make_plan(state, there("1", "1.v2", "2", "3"), SKIPPING),
    ]
    assert len({digest, *map(known_by, others)}) == 4


def test_replay_plans_what_was_planned() -> None:
    found = there("1", "2", "3", "4")
    state, digests = NEW, []
    for _ in range(3):
        plan = make_plan(state, found, SKIPPING)
        digests.append(known_by(plan))
        state = after(state, plan)
    again = NEW
    for number, digest in enumerate(digests):
        plan = make_plan(again, found, SKIPPING)
        assert known_by(plan) == digest
        again = after(again, plan)
        # The state has times and versions of its own.
        run = again.runs[-1].model_copy(update={"ended": "later", "version": "9"})
        again = again.model_copy(update={"runs": (*again.runs[:number], run)})
