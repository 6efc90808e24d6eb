"""What a killed run has left among the outputs, and its removal by the next run.

The run that calls this holds the run folder: whatever is half made there is dead. What
it knows for half made is removed, and nothing else: outputs of executions that came to
no end, what lies beside outputs while they are made, and TFX's working folders. The
Trainer keeps its checkpoint sets in folders that are outputs of no execution.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tfx.orchestration.portable import outputs_utils
from tfx.proto.orchestration import pipeline_pb2

from shardline.pipeline.metadata.changes import cancel_running
from shardline.pipeline.metadata.records import numbers_without_outputs
from shardline.pipeline.metadata.store import Connection
from shardline.pipeline.reuse import RECORDS, record_of

_log = logging.getLogger("shardline.remains")

_TFX_FOLDER = ".system"
# The folder that FeatureTransform has beside its graph while it makes it.
_STAGING = re.compile(r"\d+\.[0-9a-f]{32}")


def remove_remains(pipeline: pipeline_pb2.Pipeline, connection: Connection) -> None:
    """Records as canceled what a killed run was about, and removes what it has left.

    Args:
        pipeline: the compiled pipeline, no component of which runs.
        connection: the connection of the metadata store.
    """
    for execution in cancel_running(connection):
        _log.warning(
            "%s was running since %s UTC when its run was killed: recorded as "
            "canceled, its unfinished outputs are removed",
            execution.component,
            f"{execution.since:%Y-%m-%d %H:%M:%S}",
        )
    for node in pipeline.nodes:
        component = node.pipeline_node.node_info.id
        for number in numbers_without_outputs(
            connection, pipeline.pipeline_info.id, component
        ):
            remove_outputs(pipeline, node.pipeline_node, number)
        for path in _half_made(pipeline, node.pipeline_node):
            _remove(path)


def remove_outputs(
    pipeline: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode, number: int
) -> None:
    """Removes the outputs of an execution that came to no end.

    Args:
        pipeline: the compiled pipeline.
        node: the component.
        number: the number of the execution.
    """
    for folder in _output_folders(pipeline, node):
        _remove(folder / str(number))
        _remove(record_of(folder / str(number)))


def _half_made(
    pipeline: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode
) -> Iterator[Path]:
    """Yields what exists only while a component runs."""
    component = _component_folder(pipeline, node)
    yield from component.glob(f"{_TFX_FOLDER}/*/*")
    for record in component.glob(f"{RECORDS}/*"):
        if record.suffix != ".json":
            yield record
    for folder in _output_folders(pipeline, node):
        for path in folder.glob("*.*"):
            if _STAGING.fullmatch(path.name):
                yield path


def _output_folders(
    pipeline: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode
) -> list[Path]:
    """Returns the folders of a component that hold an output of each execution."""
    component = _component_folder(pipeline, node)
    return [component / output for output in node.outputs.outputs]


def _component_folder(
    pipeline: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode
) -> Path:
    return Path(outputs_utils.get_node_dir(pipeline.runtime_spec, node.node_info.id))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
