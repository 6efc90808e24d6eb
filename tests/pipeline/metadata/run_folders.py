"""A run folder with the outputs of a small pipeline, to be damaged."""

from pathlib import Path

from tfx import v1 as tfx
from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model

from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.local_dag import LocalDag


@component
def Reader(model: OutputArtifact[Model], day: Parameter[int]) -> None:
    """Makes a file."""
    Path(model.uri, "file").write_text(f"day {day}")


@component
def Maker(given: InputArtifact[Model], model: OutputArtifact[Model]) -> None:
    """Makes a file of it."""
    Path(model.uri, "file").write_text(Path(given.uri, "file").read_text() * 2)


def run(folder: RunFolder, day: int = 1) -> dict[str, str]:
    """Runs both components; returns how each came to its end."""
    reader = Reader(day=day)
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="test",
        pipeline_root=str(folder.artifacts),
        components=[reader, Maker(given=reader.outputs["model"])],
        enable_cache=True,
        metadata_connection_config=sqlite_connection(folder.metadata),
    )
    ends: dict[str, str] = {}
    LocalDag(lambda component: None, ends.__setitem__).run(pipeline)
    return ends


def finished(folder: Path) -> RunFolder:
    """Returns the folder of a run that came to its end; its outputs are 1 and 2."""
    run_folder = RunFolder(folder)
    run_folder.make()
    assert run(run_folder) == {"Reader": "done", "Maker": "done"}
    return run_folder
