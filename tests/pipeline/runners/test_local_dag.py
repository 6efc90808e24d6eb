"""A pipeline that fails says so, also where TFX would return normally."""

from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tfx import v1 as tfx
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Examples, Model

from shardline.pipeline.metadata.records import RunRecord
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.runners.local_dag import LocalDag


@component
def Producer(model: OutputArtifact[Model], fails: Parameter[int]) -> None:
    """Makes a model, or fails."""
    if fails:
        raise ValueError("the reason")
    model.set_int_custom_property("answer", 42)
    model.set_float_custom_property("half", 0.5)
    model.set_string_custom_property("word", "text")


@component(use_beam=True)
def InBeam(
    model: OutputArtifact[Model], job: BeamComponentParameter[beam.Pipeline] = None
) -> None:
    """Tells the options of the Beam that it is given."""
    assert isinstance(job.runner, FnApiRunner)
    workers = job.options.view_as(DirectOptions).direct_num_workers
    model.set_int_custom_property("workers", workers)


@component
def Consumer(model: InputArtifact[Model]) -> None:
    """Takes a model."""


@component
def ExamplesConsumer(examples: InputArtifact[Examples]) -> None:
    """Takes examples."""


@component
def Pusher(model: InputArtifact[Model]) -> None:
    """Looks at what is published."""


class Runner:
    """Runs pipelines on one metadata store, and notes what it is told."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.metadata = str(folder / "metadata.sqlite")
        self.told: list[tuple[str, ...]] = []

    def run(self, *nodes: Any, stock: bool = False) -> RunRecord | None:
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="test",
            pipeline_root=str(self.folder / "root"),
            components=list(nodes),
            enable_cache=True,
            metadata_connection_config=(
                tfx.orchestration.metadata.sqlite_metadata_connection_config(
                    self.metadata
                )
            ),
        )
        if stock:
            tfx.orchestration.LocalDagRunner().run(pipeline)
            return None
        dag = LocalDag(
            on_start=lambda *told: self.told.append(told),
            on_end=lambda *told: self.told.append(told),
        )
        return dag.run(pipeline)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner with an empty store."""
    return Runner(tmp_path)


def nodes(fails: int = 0) -> tuple[Any, Any]:
    producer = Producer(fails=fails)
    return producer, Consumer(model=producer.outputs["model"])


def test_good_run_tells_of_each_component(runner: Runner) -> None:
    record = runner.run(*nodes())

    assert runner.told == [
        ("Producer",),
        ("Producer", "done"),
        ("Consumer",),
        ("Consumer", "done"),
    ]
    assert record.state("Producer") == "done"
    assert record.state("Other") == "skipped"


def test_beam_runs_in_memory_with_the_options_of_its_component(runner: Runner) -> None:
    node = InBeam().with_beam_pipeline_args(["--direct_num_workers=3"])

    record = runner.run(node)

    assert record.artifacts("InBeam")["model"].properties["workers"] == 3


def test_record_gives_artifacts_and_their_properties(runner: Runner) -> None:
    record = runner.run(*nodes())

    artifact = record.artifacts("Producer")["model"]
    given = artifact.properties
    assert (given["answer"], given["half"], given["word"]) == (42, 0.5, "text")
    assert artifact.uri.startswith(str(runner.folder / "root" / "Producer" / "model"))
    assert record.artifacts("Consumer") == {}
    with pytest.raises(RunError, match=r"Other was skipped\."):
        record.artifacts("Other")


def test_second_run_reuses_the_first(runner: Runner) -> None:
    first = runner.run(*nodes())
    runner.told.clear()

    second = runner.run(*nodes())

    assert ("Producer", "reused") in runner.told
    assert ("Consumer", "reused") in runner.told
    assert (
        second.artifacts("Producer")["model"].number
        == first.artifacts("Producer")["model"].number
    )
    assert first.state("Producer") == "done"


def test_pusher_runs_each_time(runner: Runner) -> None:
    def with_pusher() -> tuple[Any, ...]:
        producer = Producer(fails=0)
        return producer, Pusher(model=producer.outputs["model"])

    runner.run(*with_pusher())

    again = runner.run(*with_pusher())

    assert again.state("Producer") == "reused"
    assert again.state("Pusher") == "done"


def test_component_that_raises_ends_the_run_with_its_error(runner: Runner) -> None:
    with pytest.raises(Exception, match="the reason"):
        runner.run(*nodes(fails=1))

    assert ("Consumer",) not in runner.told


def test_failed_component_runs_again(runner: Runner) -> None:
    runner.run(*nodes())
    with pytest.raises(Exception, match="the reason"):
        runner.run(*nodes(fails=1))

    assert runner.run(*nodes()).state("Producer") == "reused"


def test_input_that_is_not_there_ends_the_run_where_tfx_returns_normally(
    runner: Runner,
) -> None:
    runner.run(*_nodes_without_input(), stock=True)

    with pytest.raises(RunError, match="ExamplesConsumer is failed, and"):
        runner.run(*_nodes_without_input())
    assert runner.told[-1] == ("ExamplesConsumer", "failed")


def _nodes_without_input() -> tuple[Any, Any]:
    """A consumer of examples from a producer that makes none."""
    producer = Producer(fails=0)
    channel = Channel(
        type=Examples, producer_component_id=producer.id, output_key="examples"
    )
    consumer = ExamplesConsumer(examples=channel)
    consumer.add_upstream_node(producer)
    return producer, consumer
