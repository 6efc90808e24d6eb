"""Runs of a part of the pipeline: what is before it is taken of an earlier run.

TFX's partial runs do the work: they mark the components that do not run, and record
that a run has the outputs which an earlier one made. Here it is seen to that these are
the files that were written, and that they fit the configuration.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx.orchestration.portable import inputs_utils, partial_run_utils
from tfx.proto.orchestration import pipeline_pb2

from shardline.pipeline.metadata.earlier_runs import EarlierRun
from shardline.pipeline.metadata.records import RecordedExecution
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.metadata.store import Connection, tfx_metadata
from shardline.pipeline.reuse import NEVER_REUSED_HERE, damage

_log = logging.getLogger("shardline.part")

# Where data and folders are; what is there is an output, taken as it is.
_LOCATIONS = frozenset(
    {
        "cache_folder",
        "data_version",
        "erasure",
        "known_by",
        "path",
        "serving_dir",
        "store",
    }
)
_CODE = "code_version"
# A metric's settings are text of its own among those of the Evaluator.
_WITH_METRICS = "eval_config"
_OF_METRIC = "config"


def begin_part(
    pipeline: pipeline_pb2.Pipeline,
    options: pipeline_pb2.RunOptions,
    connection: Connection,
    earlier: EarlierRun | None,
) -> None:
    """Marks what does not run, and lets the run have the outputs of an earlier one.

    Args:
        pipeline: the compiled pipeline of this run; marked in place.
        options: between which components the run is.
        connection: the connection of the metadata store.
        earlier: the run that outputs are taken of; None: there is none, and none is
            needed.

    Raises:
        RunError: if a component before the part was told something else than it would
            be told now, or a file that it made is not as it was written.
    """
    part = options.partial_run
    partial_run_utils.mark_pipeline(
        pipeline,
        from_nodes=part.from_nodes or None,
        to_nodes=part.to_nodes or None,
        snapshot_settings=part.snapshot_settings,
    )
    if earlier is None:
        return
    nodes = [node.pipeline_node for node in pipeline.nodes]
    before = [node for node in nodes if node.node_info.id in earlier.executions]
    changed = [
        node.node_info.id
        for node in before
        if has_other_code(node, earlier.executions[node.node_info.id])
    ]
    if changed:
        _log.warning(
            "taken as they are, though the code has changed: the outputs of %s",
            ", ".join(changed),
        )
    for component, output in sorted(_taken(nodes)):
        _check_files(component, earlier.executions[component].outputs[output].uri)
    with tfx_metadata(connection) as handle:
        partial_run_utils.snapshot(handle, pipeline, earlier.run_id)


def is_skipped(node: pipeline_pb2.PipelineNode) -> bool:
    """Tells whether a component of a marked pipeline does not run."""
    return bool(node.execution_options.HasField("skip"))


def has_other_code(
    node: pipeline_pb2.PipelineNode, execution: RecordedExecution
) -> bool:
    """Tells whether a component's code has changed since it ran.

    Args:
        node: the component as it would run now.
        execution: the one that made what is taken of it.

    Raises:
        RunError: if it was told something else than it would be told now.
    """
    component, is_other = node.node_info.id, False
    for name, now in inputs_utils.resolve_parameters(node.parameters).items():
        then = execution.parameters.get(name, now)
        if then == now or name in _LOCATIONS:
            continue
        if name == _CODE or _differ_in_code_only(name, then, now):
            is_other = True
        elif component not in NEVER_REUSED_HERE:
            raise RunError(
                f"{component} was told another `{name}` than the configuration says "
                f"now, and what follows would not fit its outputs. Go on from it: "
                f"--from {component}; or run all, without --from and --only."
            )
    return is_other


def _differ_in_code_only(name: str, then: Any, now: Any) -> bool:
    """Tells whether a parameter is another one only by the code of metrics in it."""
    if name != _WITH_METRICS:
        return False
    return bool(_without_code(json.loads(then)) == _without_code(json.loads(now)))


def _without_code(told: Any) -> Any:
    """Returns the Evaluator's settings without the version of any metric's code."""
    if isinstance(told, list):
        return [_without_code(one) for one in told]
    if not isinstance(told, dict):
        return told
    without = {name: _without_code(one) for name, one in told.items() if name != _CODE}
    if isinstance(metric := without.get(_OF_METRIC), str) and metric:
        without[_OF_METRIC] = _without_code(json.loads(metric))
    return without


def _taken(nodes: Sequence[pipeline_pb2.PipelineNode]) -> set[tuple[str, str]]:
    """Returns the outputs, by component and name, that the part is given."""
    skipped = {node.node_info.id for node in nodes if is_skipped(node)}
    channels = [
        channel
        for node in nodes
        if not is_skipped(node)
        for given in node.inputs.inputs.values()
        for channel in given.channels
    ]
    return {
        (channel.producer_node_query.id, channel.output_key)
        for channel in channels
        if channel.producer_node_query.id in skipped
    }


def _check_files(component: str, uri: str) -> None:
    """Checks that an output is as it was written."""
    if component in NEVER_REUSED_HERE:  # their files have no record
        found = "" if Path(uri).is_dir() else f"{uri} is gone"
    else:
        found = damage([uri])
    if found:
        raise RunError(
            f"An output of {component} cannot be taken, for {found}. Make it again: "
            f"--from {component}; or run all, without --from and --only."
        )
