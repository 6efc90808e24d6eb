"""Outputs are found where they are, wherever they were made; half made ones apart."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from shardline_tests import load
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model, TransformGraph

from shardline.configs import load_run
from shardline.configs.schema import Run
from shardline.pipeline.erasure import run_outputs
from shardline.pipeline.erasure.run_outputs import RunOutputs
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.run_folder import RunFolder

Runner = load("pipeline/runners/test_local_dag.py").Runner


@component
def Maker(graph: OutputArtifact[TransformGraph]) -> None:
    """Makes a graph."""
    Path(graph.uri, "graph").touch()


@component
def Trainer(
    transform_graph: InputArtifact[TransformGraph], checkpoint: OutputArtifact[Model]
) -> None:
    """Makes a checkpoint of it."""
    Path(checkpoint.uri, "rows").touch()


@pytest.fixture
def run(small_config: Callable[..., Path]) -> Run:
    return load_run(small_config())


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run folder that was made elsewhere, by another pipeline's name."""
    monkeypatch.setattr(run_outputs, "pipeline_name", lambda name: "test")
    made = tmp_path / "made"
    made.mkdir()
    maker = Maker()
    Runner(made).run(maker, Trainer(transform_graph=maker.outputs["graph"]))
    shutil.move(made / "root", made / "artifacts")
    shutil.move(made, tmp_path / "moved")
    return RunFolder(tmp_path / "moved")


def test_inputs_are_found_in_a_folder_that_was_moved(
    run: Run, moved: RunFolder
) -> None:
    outputs = RunOutputs(run, moved)
    (checkpoint,) = outputs.folders("Trainer", "checkpoint")

    graph = outputs.trained_with(checkpoint, "transform_graph")

    assert graph == outputs.folders("Maker", "graph")[0]
    assert (graph / "graph").exists()
    assert outputs.trained_with(checkpoint, "vocabularies") is None
    assert outputs.trained_with(checkpoint.with_name("77"), "transform_graph") is None
    assert [len(outputs.executions(name)) for name in ("Trainer", "Nobody")] == [1, 0]
    shutil.rmtree(graph)
    assert outputs.trained_with(checkpoint, "transform_graph") is None


def test_half_made_outputs_are_told_apart(run: Run, moved: RunFolder) -> None:
    store = MetadataStore(sqlite_connection(moved.metadata))
    (trained,) = store.get_executions_by_type(store.get_execution_types()[-1].name)
    trained.last_known_state = trained.RUNNING
    store.put_executions([trained])
    outputs = RunOutputs(run, moved)
    (moved.artifacts / "Trainer" / "sets" / str(trained.id)).mkdir(parents=True)

    (half,) = outputs.half_made()

    assert (half.parents[1].name, half.name) == ("Trainer", str(trained.id))
    assert half.parent.name == "checkpoint"
    assert outputs.folders("Trainer", "checkpoint") == []


def test_folder_without_records_has_outputs_by_number(run: Run, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for number in ("9", "10", "10.half"):
        (folder.artifacts / "Trainer" / "checkpoint" / number).mkdir(parents=True)
    outputs = RunOutputs(run, folder)

    found = outputs.folders("Trainer", "checkpoint")

    assert [path.name for path in found] == ["9", "10"]
    assert outputs.half_made() == []
    assert outputs.executions("Trainer") == []
    assert outputs.trained_with(found[0], "transform_graph") is None
    assert outputs.folders("Nobody", "none") == []
