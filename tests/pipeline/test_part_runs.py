"""Runs of a part of a pipeline: what they take, and what they refuse to take."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tfx import v1 as tfx
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.pipeline import RunOptions
from tfx.orchestration.portable import inputs_utils
from tfx.proto.orchestration import pipeline_pb2
from tfx.types.standard_artifacts import Model

from shardline.configs import load_run
from shardline.pipeline.metadata.earlier_runs import earlier_run
from shardline.pipeline.metadata.records import RecordedExecution, RunRecord
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.part_runs import has_other_code
from shardline.pipeline.pipeline import create_pipeline
from shardline.pipeline.runners.local_dag import LocalDag

pytestmark = pytest.mark.orchestration
_FAILING = {"is_set": False}


@component
def Reader(
    model: OutputArtifact[Model],
    path: Parameter[str],
    options: Parameter[str],
    code_version: Parameter[str],
) -> None:
    """Makes a file."""
    Path(model.uri, "file").write_text(options)


@component
def Maker(given: InputArtifact[Model], model: OutputArtifact[Model]) -> None:
    """Makes a file of it, or fails."""
    if _FAILING["is_set"]:
        raise ValueError("the reason")
    Path(model.uri, "file").write_text(Path(given.uri, "file").read_text() * 2)


@component
def Taker(given: InputArtifact[Model], made: InputArtifact[Model]) -> None:
    """Takes both files."""
    Path(made.uri, "file").read_text()


class Parts:
    """Runs parts of a pipeline of three components on one store."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.metadata = folder / "metadata.sqlite"
        self.told: list[tuple[str, ...]] = []

    def run(
        self,
        first: str | None = None,
        last: str | None = None,
        needed: tuple[str, ...] = (),
        *,
        path: str = "data",
        options: str = "a",
        code: str = "1",
    ) -> RunRecord:
        reader = Reader(path=path, options=options, code_version=code)
        maker = Maker(given=reader.outputs["model"])
        taker = Taker(given=reader.outputs["model"], made=maker.outputs["model"])
        connection = sqlite_connection(self.metadata)
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="test",
            pipeline_root=str(self.folder / "root"),
            components=[reader, maker, taker],
            enable_cache=True,
            metadata_connection_config=connection,
        )
        self.told.clear()
        dag = LocalDag(
            on_start=lambda component: None,
            on_end=lambda *told: self.told.append(told),
        )
        if first is None and last is None:
            return dag.run(pipeline)
        options_of_run = RunOptions(
            from_nodes=[first] if first else None, to_nodes=[last] if last else None
        )
        earlier = earlier_run(connection, "test", needed)
        return dag.run(pipeline, run_options=options_of_run, earlier=earlier)

    def output(self, component: str, number: int) -> Path:
        """Returns the file of an output."""
        return self.folder / "root" / component / "model" / str(number) / "file"


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """Parts of a pipeline that never ran."""
    _FAILING["is_set"] = False
    return Parts(tmp_path)


def test_part_runs_what_lies_between_and_takes_what_is_before(parts: Parts) -> None:
    whole = parts.run()

    record = parts.run("Maker", "Maker", ("Reader",))

    assert parts.told == [("Maker", "reused")]
    assert record.state("Taker") == "skipped"
    taken, made = (one.artifacts("Reader")["model"] for one in (record, whole))
    assert taken.number == made.number


def test_parts_one_after_the_other_are_the_whole(parts: Parts) -> None:
    parts.run(last="Reader")
    parts.run("Maker", "Maker", ("Reader",))
    parts.run("Taker", None, ("Reader", "Maker"))

    assert parts.told == [("Taker", "done")]
    parts.run()
    ends = [("Reader", "reused"), ("Maker", "reused"), ("Taker", "reused")]
    assert parts.told == ends


def test_after_a_failure_the_same_part_goes_on(parts: Parts) -> None:
    parts.run(last="Reader")
    _FAILING["is_set"] = True
    with pytest.raises(Exception, match="the reason"):
        parts.run("Maker", None, ("Reader",))
    _FAILING["is_set"] = False

    parts.run("Maker", None, ("Reader",))

    assert parts.told == [("Maker", "done"), ("Taker", "done")]


@pytest.mark.parametrize("is_gone", [True, False])
def test_damaged_output_is_not_taken(parts: Parts, is_gone: bool) -> None:
    parts.run(last="Reader")
    file = parts.output("Reader", 1)
    if is_gone:
        shutil.rmtree(file.parent)
    else:
        file.write_text("other")

    with pytest.raises(
        RunError, match=rf"output of Reader cannot be taken, .*{file}.* --from Reader"
    ):
        parts.run("Maker", None, ("Reader",))

    assert parts.told == []
    parts.run("Reader", None)
    assert parts.told[0] == ("Reader", "done")


def test_output_that_no_component_of_the_part_takes_may_be_damaged(
    parts: Parts,
) -> None:
    parts.run(last="Maker")
    parts.output("Maker", 2).write_text("other")

    parts.run("Maker", "Maker", ("Reader",))

    assert parts.told == [("Maker", "done")]


def test_output_of_other_settings_is_not_taken(parts: Parts) -> None:
    parts.run(options="a")

    with pytest.raises(RunError, match=r"Reader was told another `options` than the"):
        parts.run("Maker", None, ("Reader",), options="b")
    assert parts.told == []


def test_output_of_other_code_or_another_place_is_taken_and_code_is_told(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    parts.run(code="1", path="here")

    parts.run("Maker", None, ("Reader",), code="2", path="there")

    assert parts.told == [("Maker", "reused"), ("Taker", "reused")]
    (line,) = [one for one in caplog.messages if "as they are" in one]
    assert line.endswith("though the code has changed: the outputs of Reader")


def test_settings_are_those_of_what_was_made_though_it_was_reused(parts: Parts) -> None:
    parts.run(options="a")
    parts.run(options="b")
    parts.run(options="a")  # reuses the first

    parts.run("Maker", None, ("Reader",), options="a")

    assert parts.told == [("Maker", "reused"), ("Taker", "reused")]


def evaluator(config: Path) -> pipeline_pb2.PipelineNode:
    """Returns the Evaluator of a configuration's pipeline, compiled."""
    pipeline = create_pipeline(
        load_run(config),
        pipeline_root="/root",
        data_path="/data",
        data_version="1",
        serving_dir="/serving",
    )
    nodes = (one.pipeline_node for one in Compiler().compile(pipeline).nodes)
    return next(node for node in nodes if node.node_info.id == "Evaluator")


def executed(node: pipeline_pb2.PipelineNode) -> RecordedExecution:
    """Returns the record of an execution with all that a component is told."""
    told = inputs_utils.resolve_parameters(node.parameters)
    return RecordedExecution(1, "done", told, {}, {})


def test_evaluator_of_other_metrics_code_is_no_evaluator_of_other_settings(
    small_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(min_auc="0.55\n  group_by: user_id")
    earlier = executed(evaluator(config))
    assert not has_other_code(evaluator(config), earlier)
    stricter = evaluator(small_config(min_auc="0.6\n  group_by: user_id"))
    plainer = evaluator(small_config(min_auc="0.55"))

    monkeypatch.setattr(
        "shardline.pipeline.evaluation.code_version", lambda module: f"new {module}"
    )

    assert has_other_code(evaluator(config), earlier)
    for other in (stricter, plainer):
        with pytest.raises(RunError, match="Evaluator was told another `eval_config`"):
            has_other_code(other, earlier)
