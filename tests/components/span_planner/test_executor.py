"""The plan that is written, and what it says in lineage."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.components.contracts.artifacts import SpanPlan
from shardline.components.contracts.spans.plan import load_plan
from shardline.components.contracts.spans.state import SpanState, StateError
from shardline.components.remote.access import AccessError
from shardline.components.span_planner.calendar import OverlapError
from shardline.components.span_planner.choice import Settings
from shardline.components.span_planner.executor import Executor
from shardline.configs.spans import Spans

Days = Callable[..., Path]


def plan_for(
    path: Path | str,
    reader: tuple[str, str],
    serving_dir: Path | str,
    window: int = 1,
) -> SpanPlan:
    """Runs the executor; returns the artifact."""
    artifact = SpanPlan()
    artifact.uri = os.path.join(os.path.dirname(path), "plan")
    Executor().Do(
        {},
        {"plan": [artifact]},
        {
            "name": "shop",
            "settings": Settings(spans=Spans(window=window)).model_dump_json(),
            "reader": reader[0],
            "options": reader[1],
            "path": str(path),
            "serving_dir": str(serving_dir),
            "known_by": "",
        },
    )
    return artifact


def test_plan_and_its_spans_are_recorded(
    write_days: Days,
    files_by_day: tuple[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_days("day-2026-11-29", "day-2026-11-30")

    with caplog.at_level(logging.INFO, "shardline.spans"):
        artifact = plan_for(path, files_by_day, tmp_path / "serving")

    plan = load_plan(artifact.uri)
    assert plan.spans == artifact.get_string_custom_property("spans") == "2026-11-29"
    assert artifact.get_int_custom_property("due") == 1
    assert artifact.get_string_custom_property("reason") == "the first span"
    assert artifact.get_string_custom_property("judged_on") == "2026-11-30"
    assert "the first span: 2026-11-29, judged on 2026-11-30" in caplog.text


def test_nothing_due_is_a_plan_that_says_so(
    write_days: Days,
    files_by_day: tuple[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    artifact = plan_for(
        write_days("day-2026-11-29"), files_by_day, tmp_path / "serving"
    )

    assert not load_plan(artifact.uri).is_due
    assert artifact.get_int_custom_property("due") == 0
    waits_for = "the span after 2026-11-29, such as 2026-11-30"
    assert artifact.get_string_custom_property("waits_for") == waits_for
    assert f"nothing is due; waiting for {waits_for}" in caplog.text


def test_spans_that_overlap_end_the_run(
    write_days: Days, files_by_day: tuple[str, str], tmp_path: Path
) -> None:
    path = write_days("day-2026-11", "day-2026-11-30")

    with pytest.raises(ValueError, match="overlap") as raised:
        plan_for(path, files_by_day, tmp_path / "serving")

    assert type(raised.value).__name__ in ("BadInputError", OverlapError.__name__)


def test_state_of_another_run_ends_the_run(
    write_days: Days, files_by_day: tuple[str, str], tmp_path: Path
) -> None:
    SpanState(name="other").save(str(tmp_path / "serving"))

    with pytest.raises(StateError, match="is that of run `other`"):
        plan_for(write_days("day-2026-11-29"), files_by_day, tmp_path / "serving")


@pytest.mark.orchestration
def test_state_and_spans_may_be_in_buckets(
    write_days: Days, files_by_day: tuple[str, str], buckets: Any
) -> None:
    shutil.copytree(
        write_days("day-2026-11-29", "day-2026-11-30"),
        buckets.path(f"{buckets.new('data')}/clicks"),
    )
    serving = f"{buckets.new('models')}/serving"
    SpanState(name="shop", skipped={"2026-11-29": "bots"}).save(serving)

    artifact = plan_for("bucket://data/clicks", files_by_day, serving)

    plan = load_plan(artifact.uri)
    assert not plan.is_due
    assert "the span after 2026-11-30" in plan.waits_for


@pytest.mark.orchestration
def test_bucket_for_models_that_cannot_be_written_is_told_first(
    files_by_day: tuple[str, str], buckets: Any
) -> None:
    buckets.new("data")

    with pytest.raises(AccessError, match="there is no bucket models"):
        plan_for("bucket://data/clicks", files_by_day, "bucket://models/serving")
