"""What the next run would do, as its planner will find it."""

import json
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.contracts.spans.state import StateError, load_state
from shardline.components.readers.files import reader_of
from shardline.components.span_planner.calendar import SpanError
from shardline.components.span_planner.discovery import spans_there
from shardline.configs import load_run
from shardline.pipeline.span_runs import found_spans, next_plan

days = load(Path(__file__).with_name("days.py"))


def test_plan_changes_when_a_run_ended_or_a_span_came(tmp_path: Path) -> None:
    run = load_run(days.write_config(tmp_path))
    days.write_days(tmp_path, "2026-11-28", "2026-11-29")
    data, serving = str(tmp_path / "clicks"), str(tmp_path / "out" / "serving")

    plan, known_by = next_plan(run, data, serving)
    assert next_plan(run, data, serving) == (plan, known_by)
    days.carry_out(plan, Path(serving))
    nothing, known_after = next_plan(run, data, serving)
    days.write_days(tmp_path, "2026-11-30")
    following, known_later = next_plan(run, data, serving)

    assert (plan.spans, str(plan.evaluate)) == ("2026-11-28", "2026-11-29")
    assert not nothing.is_due
    assert (following.spans, str(following.evaluate)) == ("2026-11-29", "2026-11-30")
    assert len({known_by, known_after, known_later}) == 3


@pytest.mark.parametrize(
    ("pattern", "spans"),
    [("day-{SPAN}.csv", "{}"), ("*.csv", "{column: second, every: day}")],
)
def test_spans_are_those_that_the_component_finds(
    tmp_path: Path, pattern: str, spans: str
) -> None:
    run = load_run(days.write_config(tmp_path, pattern=pattern, spans=spans))
    for name, second in (("2026-11-29", 1795910400), ("2026-11-30", 1795996800)):
        text = f"label,user,second\n1,ann,{second}\n"
        (tmp_path / "clicks" / f"day-{name}.csv").write_text(text)
    data = str(tmp_path / "clicks")

    found = found_spans(run, data)

    assert [one.span for one in found] == ["2026-11-29", "2026-11-30"]
    reader, options = reader_of(run.data, run)
    assert found == spans_there(reader, json.dumps(options), data)


def test_refused_run_is_undone_if_it_is_to_be_tried_again(tmp_path: Path) -> None:
    run = load_run(days.write_config(tmp_path))
    days.write_days(tmp_path, "1", "2", "3")
    data, serving = str(tmp_path / "clicks"), str(tmp_path / "serving")
    plan, known_by = next_plan(run, data, serving, retry=True)
    days.carry_out(plan, Path(serving), "refused")

    assert next_plan(run, data, serving)[0].is_refused
    assert next_plan(run, data, serving, retry=True) == (plan, known_by)
    assert load_state(serving, "shop").runs == ()


def test_refused_run_that_is_passed_is_not_tried_again(tmp_path: Path) -> None:
    evaluation = "{min_auc: 0.5, when_refused: skip}"
    run = load_run(days.write_config(tmp_path, evaluation=evaluation))
    days.write_days(tmp_path, "1", "2", "3")
    data, serving = str(tmp_path / "clicks"), str(tmp_path / "serving")
    days.carry_out(next_plan(run, data, serving)[0], Path(serving), "refused")

    plan, _ = next_plan(run, data, serving, retry=True)

    assert plan.spans == "2"
    assert len(load_state(serving, "shop").runs) == 1


def test_faults_are_errors_before_anything_runs(tmp_path: Path) -> None:
    run = load_run(days.write_config(tmp_path, spans="{missing: fail}"))
    days.write_days(tmp_path, "1", "3")
    data, serving = str(tmp_path / "clicks"), tmp_path / "serving"

    with pytest.raises(SpanError, match="Missing: 2, not there though 3 is"):
        next_plan(run, data, str(serving))
    serving.mkdir()
    (serving / "spans.json").write_text("{")
    with pytest.raises(StateError, match="is damaged"):
        next_plan(run, data, str(serving))
