"""What ML Metadata has recorded, in this project's words."""

from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from tfx.types.standard_artifacts import Examples

from shardline.pipeline.metadata.records import (
    RunRecord,
    executions_of,
    numbers_without_outputs,
)
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.metadata.store import sqlite_connection

_conftest = load(Path(__file__).with_name("conftest.py"))


def test_executions_are_of_all_runs_oldest_first(runner: Any) -> None:
    executions = executions_of(sqlite_connection(runner.metadata), "test", "Maker")

    states = [execution.state for execution in executions]
    assert states == ["done", "reused", "failed", "interrupted"]
    assert [one.has_ended for one in executions] == [True, True, False, False]
    assert [one.parameters["mood"] for one in executions] == [
        "well",
        "well",
        "failing",
        "interrupted",
    ]
    numbers = [execution.number for execution in executions]
    assert numbers == sorted(set(numbers))


def test_reused_output_is_that_of_the_first_execution(runner: Any) -> None:
    first, second, *_ = executions_of(
        sqlite_connection(runner.metadata), "test", "Maker"
    )

    made, reused = first.outputs["examples"], second.outputs["examples"]
    assert made.number == reused.number
    assert made.uri == reused.uri
    assert made.uri.endswith(f"/Maker/examples/{first.number}")
    assert made.properties["half"] == 0.5


def test_artifact_is_what_tfx_passes_to_executors(runner: Any) -> None:
    first, *_ = executions_of(sqlite_connection(runner.metadata), "test", "Maker")

    examples = first.outputs["examples"].for_tfx(Examples)

    assert isinstance(examples, Examples)
    assert examples.splits == ["eval", "train"]
    assert examples.uri == first.outputs["examples"].uri


@pytest.mark.parametrize(("pipeline", "name"), [("test", "Other"), ("other", "Maker")])
def test_component_that_never_ran_has_no_executions(
    runner: Any, pipeline: str, name: str
) -> None:
    assert executions_of(sqlite_connection(runner.metadata), pipeline, name) == []


def test_run_that_is_not_recorded_skipped_everything(runner: Any) -> None:
    record = RunRecord(sqlite_connection(runner.metadata), "test", "no such run")

    assert record.state("Maker") == "skipped"
    assert record.cancel("Maker") is None
    with pytest.raises(RunError, match=r"Maker was skipped\."):
        record.artifacts("Maker")
    with pytest.raises(RunError, match="Maker is skipped, and raised no error"):
        record.check("Maker")


def test_execution_that_has_ended_is_not_cancelled(tmp_path: Path) -> None:
    record = _conftest.Runner(tmp_path).run(_conftest.Maker(mood="well"))

    assert record.cancel("Maker") is None
    assert record.state("Maker") == "done"
    record.check("Maker")


def test_executions_that_came_to_no_end_have_no_outputs(runner: Any) -> None:
    connection = sqlite_connection(runner.metadata)
    numbers = [one.number for one in executions_of(connection, "test", "Maker")]

    assert numbers_without_outputs(connection, "test", "Maker") == numbers[2:]
    assert numbers_without_outputs(connection, "test", "Other") == []
