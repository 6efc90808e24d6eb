"""Which run the outputs before a part of the pipeline are taken of."""

from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from shardline_tests import load
from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model

from shardline.pipeline.metadata.earlier_runs import EarlierRun, earlier_run
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.metadata.store import open_store, sqlite_connection

Runner = load("pipeline/runners/test_local_dag.py").Runner
pytestmark = pytest.mark.orchestration


@component
def Reader(model: OutputArtifact[Model], day: Parameter[int]) -> None:
    """Makes what others build on."""


@component
def Maker(
    given: InputArtifact[Model], model: OutputArtifact[Model], mood: Parameter[str]
) -> None:
    """Makes something of it, or fails."""
    if mood == "failing":
        raise ValueError("the reason")


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    """A runner with an empty store."""
    return Runner(tmp_path)


def run(runner: Any, day: int, mood: str = "well") -> None:
    """Runs both; a failure of the second ends the run."""
    reader = Reader(day=day)
    try:
        runner.run(reader, Maker(given=reader.outputs["model"], mood=mood))
    except Exception:
        assert mood == "failing"


def found(runner: Any, *components: str) -> EarlierRun | None:
    """Returns the run whose outputs would be taken."""
    return earlier_run(sqlite_connection(runner.metadata), "test", components)


def runs(runner: Any) -> list[str]:
    """Returns the ids of all runs, oldest first."""
    store = open_store(sqlite_connection(runner.metadata))
    contexts = store.get_contexts_by_type("pipeline_run")
    return [one.name for one in sorted(contexts, key=lambda one: one.id)]


def test_newest_run_with_all_outputs_is_taken(runner: Any) -> None:
    run(runner, day=1)
    run(runner, day=2)

    earlier = found(runner, "Reader", "Maker")

    assert earlier
    assert earlier.run_id == runs(runner)[1]
    told = {name: one.parameters for name, one in earlier.executions.items()}
    assert told == {"Reader": {"day": 2}, "Maker": {"mood": "well"}}


def test_run_that_reused_outputs_has_them_as_they_were_made(runner: Any) -> None:
    run(runner, day=1)
    run(runner, day=1)

    earlier = found(runner, "Reader")

    assert earlier
    assert earlier.run_id == runs(runner)[1]
    assert earlier.executions["Reader"].number == 1
    assert earlier.executions["Reader"].state == "done"


def test_run_that_failed_has_the_outputs_before_the_failure(runner: Any) -> None:
    run(runner, day=1)
    run(runner, day=2, mood="failing")

    earlier = found(runner, "Reader")

    assert earlier
    assert earlier.run_id == runs(runner)[1]


def test_output_that_is_older_than_what_it_is_made_of_is_not_taken(runner: Any) -> None:
    run(runner, day=1)
    run(runner, day=2, mood="failing")

    with pytest.raises(RunError, match=r"Reader has made newer .* --from Reader; or"):
        found(runner, "Reader", "Maker")


def test_failed_run_on_equal_data_changes_nothing(runner: Any) -> None:
    run(runner, day=1)
    run(runner, day=1, mood="failing")

    earlier = found(runner, "Reader", "Maker")

    assert earlier
    assert earlier.run_id == runs(runner)[0]


def test_component_that_never_ended_is_named(runner: Any) -> None:
    run(runner, day=1, mood="failing")

    with pytest.raises(RunError, match=r"Maker has never come .* --from Maker; or"):
        found(runner, "Reader", "Maker")
    with pytest.raises(RunError, match="Reader has never come"):
        earlier_run(sqlite_connection(runner.metadata), "other", ["Reader"])


def test_outputs_that_no_run_has_together_are_an_error(runner: Any) -> None:
    runner.run(Reader(day=1))
    run(runner, day=1)
    connection = sqlite_connection(runner.metadata)
    store = open_store(connection)
    # The second run's reader, as if it had been killed before it was recorded.
    (second,) = store.get_executions_by_id([2])
    second.last_known_state = mlmd.Execution.CANCELED
    store.put_executions([second])

    with pytest.raises(RunError, match="No run has the outputs of Reader, Maker tog"):
        found(runner, "Reader", "Maker")


def test_nothing_that_is_needed_takes_any_run_or_none(runner: Any) -> None:
    assert found(runner) is None
    run(runner, day=1)

    earlier = found(runner)

    assert earlier == EarlierRun(runs(runner)[0], {})
