"""Starts a pipeline many times in several processes, on one metadata store.

A start is what a run does: it registers contexts, types and executions, runs two
components and publishes their outputs. (Runs of one folder take turns, by the lock of
the run folder; here they do not.) Arguments are the folder, the number of processes,
of starts each, and `bare` to leave ML Metadata to itself. Prints JSON: how many starts
came to their end, the errors of the others, and the seconds that all took.
"""

import collections
import contextlib
import json
import os
import sys
import time
from pathlib import Path

from tfx import v1 as tfx
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2
from tfx.types.standard_artifacts import Model

from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.runners import local_dag


@component
def Producer(model: OutputArtifact[Model]) -> None:
    """Makes a model."""


@component
def Consumer(model: InputArtifact[Model], copy: OutputArtifact[Model]) -> None:
    """Takes it."""


def compiled(folder: Path) -> pipeline_pb2.Pipeline:
    """Returns a pipeline of two components, without a cache."""
    producer = Producer()
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="test",
        pipeline_root=str(folder / "root"),
        components=[producer, Consumer(model=producer.outputs["model"])],
        enable_cache=False,
        metadata_connection_config=sqlite_connection(folder / "metadata.sqlite"),
    )
    return Compiler().compile(pipeline)


def start(pipeline: pipeline_pb2.Pipeline, run_id: str) -> None:
    """Starts a pipeline as the runner does."""
    one = pipeline_pb2.Pipeline()
    one.CopyFrom(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(
        one, {"pipeline-run-id": run_id}
    )
    deployment = runner_utils.extract_local_deployment_config(one)
    runner = local_dag.LocalDag(on_start=lambda _: None, on_end=lambda *_: None)
    for node in one.nodes:
        local_dag._launch(one, node.pipeline_node, deployment, runner._operators)


def start_many(pipeline: pipeline_pb2.Pipeline, process: int, starts: int) -> str:
    """Starts a pipeline several times; returns what came of it, as JSON."""
    ended, failures = 0, []
    for number in range(starts):
        try:
            start(pipeline, f"run-{process}-{number}")
            ended += 1
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}"[:100])
    return json.dumps([ended, failures])


def main(folder: Path, processes: int, starts: int) -> None:
    """Forks processes that start together, and prints what came of them."""
    pipeline = compiled(folder)
    ready, go = os.pipe()
    children, began_s = [], time.monotonic()
    for process in range(processes):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(ready, 1)  # until all are there, and it is closed
            result = start_many(pipeline, process, starts)
            (folder / f"{process}.json").write_text(result)
            os._exit(0)
        children.append(child)
    os.close(go)
    os.close(ready)
    for child in children:
        os.waitpid(child, 0)
    total, failures = 0, collections.Counter[str]()
    for process in range(processes):
        with contextlib.suppress(FileNotFoundError):  # it crashed
            ended, failed = json.loads((folder / f"{process}.json").read_text())
            total += ended
            failures.update(failed)
    seconds = time.monotonic() - began_s
    print(json.dumps({"ended": total, "failures": failures, "seconds": seconds}))


if __name__ == "__main__":
    if "bare" in sys.argv:
        local_dag.tfx_metadata = metadata.Metadata
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
