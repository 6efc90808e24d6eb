"""A part of the pipeline goes on with the plan in hand, and with no other."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.contracts.spans.plan import SpanPlan, load_plan
from shardline.components.contracts.spans.state import SpanState, load_state
from shardline.components.span_recorder.edits import skipped
from shardline.configs import load_run
from shardline.pipeline.metadata.earlier_runs import EarlierRun
from shardline.pipeline.metadata.records import RecordedExecution
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.events import EventWriter
from shardline.pipeline.runners.span_part import go_on_with_plan
from shardline.pipeline.span_runs import next_plan

pytestmark = pytest.mark.orchestration
days = load("pipeline/days.py")


class Artifact:
    """Where a plan lies."""

    def __init__(self, folder: Path):
        self.uri = str(folder)


class Series:
    """A run folder in which plans are made and carried out, without training."""

    def __init__(self, folder: Path, **config: str):
        self.folder = RunFolder(folder / "run")
        self.run = load_run(days.write_config(folder, **config))
        self.data = str(folder / "clicks")
        self.events = io.StringIO()
        self.result: dict[str, Any] = {}
        self.plans: list[Path] = []
        self.ran: list[str] = []
        self.fails = False

    @property
    def state(self) -> SpanState:
        return load_state(str(self.folder.serving), self.run.name)

    def make_plan(self) -> SpanPlan:
        """Plans, as SpanPlanner does."""
        plan, _ = next_plan(self.run, self.data, str(self.folder.serving))
        folder = self.folder.artifacts / "SpanPlanner/plan" / str(len(self.plans))
        folder.mkdir(parents=True)
        plan.save(str(folder))
        self.plans.append(folder)
        return plan

    def carry_out(self, plan: SpanPlan, verdict: str = "published") -> None:
        """Does all of the rest."""
        days.carry_out(plan, self.folder.serving, verdict)

    def go_on(self, *, retry: bool = False) -> Mapping[str, str]:
        """Runs a part, which takes the newest plan that was made."""

        def launch(data_version: str, on_earlier: Any) -> dict[str, str]:
            plans = {"plan": Artifact(self.plans[-1])}
            made = RecordedExecution(1, "done", {}, plans, {})  # type: ignore[arg-type]
            on_earlier(EarlierRun("earlier", {"SpanPlanner": made}))
            if self.fails:
                raise RunError("the reason")
            self.ran.append(load_plan(str(self.plans[-1])).spans)
            return {"Outputs": "of the part"}

        writer, self.ran = EventWriter(self.events), []
        return go_on_with_plan(
            self.run,
            lambda: self.data,
            self.folder,
            launch,
            writer,
            self.result,
            retry=retry,
        )


@pytest.fixture
def series(tmp_path: Path) -> Series:
    """A run folder with the spans of three days, none of them trained on."""
    series = Series(tmp_path)
    days.write_days(tmp_path, "2026-11-28", "2026-11-29", "2026-11-30")
    return series


def test_plan_that_was_made_is_gone_on_with(series: Series) -> None:
    series.make_plan()

    assert series.go_on() == {"Outputs": "of the part"}

    assert series.ran == ["2026-11-28"]
    assert series.result == {"spans": ["2026-11-28"], "is_more_due": False}
    began = json.loads(series.events.getvalue())
    assert began["kind"] == "began"
    told = "the plan in hand: trains on 2026-11-28, judged on 2026-11-29"
    assert began["text"] == told


def test_part_that_failed_has_trained_on_nothing_and_finds_its_plan_again(
    series: Series,
) -> None:
    series.make_plan()
    series.fails = True
    with pytest.raises(RunError, match="the reason"):
        series.go_on()
    assert series.result["spans"] == []
    series.fails = False

    series.go_on()

    assert series.ran == ["2026-11-28"]


def test_span_that_comes_after_the_plan_does_not_change_it(
    series: Series, tmp_path: Path
) -> None:
    series.carry_out(series.make_plan())
    series.make_plan()
    days.write_days(tmp_path, "2026-11-27")  # late: it would be planned now

    series.go_on()

    assert series.ran == ["2026-11-29"]


def test_plan_that_is_done_is_not_done_again(series: Series) -> None:
    series.carry_out(series.make_plan())

    shown = series.go_on()

    assert series.ran == []
    assert "the last one, to train on 2026-11-28, is done" in shown["Nothing is due"]
    assert "makes one to train on 2026-11-29" in shown["Nothing is due"]
    assert series.result["spans"] == []


def test_without_a_plan_it_is_said_how_to_make_one(series: Series) -> None:
    shown = series.go_on()

    assert series.ran == []
    assert "none was made" in shown["Nothing is due"]
    assert "--only SpanPlanner" in shown["Nothing is due"]


def test_where_nothing_can_be_planned_it_is_said_what_is_waited_for(
    series: Series,
) -> None:
    for _ in range(2):
        series.carry_out(series.make_plan())

    assert series.go_on()["Nothing is due"].startswith("waiting for ")


def test_plan_of_a_state_that_is_gone_is_not_in_hand(series: Series) -> None:
    first = series.make_plan()
    series.carry_out(first)
    series.plans.append(series.plans[0])  # made again, for it was replayed

    assert "is done" in series.go_on()["Nothing is due"]
    assert series.ran == []


def test_older_plan_of_the_state_is_not_taken_for_the_newest(series: Series) -> None:
    before = series.state
    series.carry_out(series.make_plan())
    series.make_plan()
    before.save(str(series.folder.serving))

    shown = series.go_on()

    assert series.ran == []
    assert "none was made" in shown["Nothing is due"]


def test_plan_with_a_span_that_was_left_out_since_is_not_in_hand(
    series: Series,
) -> None:
    series.make_plan()
    state = skipped(series.state, "2026-11-29", "bots")
    state.save(str(series.folder.serving))

    assert "Nothing is due" in series.go_on()
    assert series.ran == []


def test_refused_plan_waits_for_a_person(series: Series) -> None:
    series.carry_out(series.make_plan(), "refused")

    with pytest.raises(RunError, match="Nothing was done, waiting for a decision"):
        series.go_on()
    assert series.ran == []


def test_refused_plan_is_in_hand_again_by_force(series: Series) -> None:
    series.carry_out(series.make_plan(), "refused")

    series.go_on(retry=True)

    assert series.ran == ["2026-11-28"]
    assert series.state.runs == ()


def test_state_stays_if_the_refused_plan_is_not_the_newest(series: Series) -> None:
    series.carry_out(series.make_plan(), "refused")
    before = series.state
    newest = series.plans[0].with_name("7")
    newest.mkdir()
    SpanPlan(waits_for="a decision").save(str(newest))
    series.plans.append(newest)

    with pytest.raises(RunError, match="waiting for a decision"):
        series.go_on(retry=True)

    assert series.state == before
