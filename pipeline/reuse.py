"""Whether the outputs of an earlier run are still as they were written.

TFX reuses outputs by the inputs that they were made of, and looks only whether their
folders are there. Here every file of them is recorded once a component has written
them, and verified before it is reused. The record of `COMPONENT/OUTPUT/NUMBER` is
`COMPONENT/.files/OUTPUT-NUMBER.json`.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from tfx import types
from tfx.orchestration import data_types_utils
from tfx.orchestration.portable import (
    cache_utils,
    inputs_utils,
    outputs_utils,
)
from tfx.proto.orchestration import (
    executable_spec_pb2,
    pipeline_pb2,
)

from shardline.components.contracts.file_record import record_files, record_from_json
from shardline.pipeline.metadata.store import Connection, tfx_metadata

RECORDS = ".files"
# In runs of this machine. They depend on the versions that are published now, which no
# cache key holds, and their files are not recorded. (SpanPlanner is reused: the caller
# of the runner looks what is due.)
NEVER_REUSED_HERE = frozenset({"ModelComparator", "Pusher", "SpanRecorder"})


def record_outputs(uris: Iterable[str]) -> None:
    """Records the files of outputs that a component has just written.

    Args:
        uris: the folders of its outputs.
    """
    for uri in uris:
        path = record_of(uri)
        path.parent.mkdir(exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}")
        written.write_text(record_files(uri).to_json())
        written.replace(path)


def record_rewritten(uri: str, copy: str, *, is_resumed: bool) -> None:
    """Records the files of a copy that is about to take the place of an output.

    An output that is damaged is left so, and made again: its record stays.

    Args:
        uri: the folder of the output.
        copy: the folder of the copy.
        is_resumed: whether this was about to happen before, and was cut: then the
            record may be that of a copy that is gone.
    """
    path = record_of(uri)
    if path.exists() and (is_resumed or damage([uri]) == ""):
        written = path.with_suffix(f".{os.getpid()}")
        written.write_text(record_files(copy).to_json())
        written.replace(path)


def damage(uris: Iterable[str]) -> str:
    """Returns which file is not as it was written; "" if all are.

    Args:
        uris: the folders of outputs.
    """
    return next(filter(None, map(_damage, uris)), "")


def _damage(uri: str) -> str:
    try:
        record = record_from_json(record_of(uri).read_text())
    except (OSError, ValueError):
        return f"{uri} has no record of its files"
    return record.damage(uri)


def record_of(uri: str | Path) -> Path:
    """Returns where the record of an output's files is."""
    folder = Path(uri)
    name = f"{folder.parent.name}-{folder.name}.json"
    return folder.parents[1] / RECORDS / name


def outputs_to_reuse(
    pipeline: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    executor: executable_spec_pb2.PythonClassExecutableSpec | None,
    connection: Connection,
) -> list[str]:
    """Returns the folders that TFX would reuse for a component, by its own rules.

    Args:
        pipeline: the compiled pipeline, whose run has come to the component.
        node: the component.
        executor: what runs the component; part of the cache key.
        connection: the connection of the metadata store.
    """
    if not node.execution_options.caching_options.enable_cache:
        return []
    with tfx_metadata(connection) as handle:
        try:
            resolved = inputs_utils.resolve_input_artifacts(
                pipeline_node=node, metadata_handle=handle
            )
        except inputs_utils.exceptions.InputResolutionError:
            return []  # launching the component says so
        if isinstance(resolved, inputs_utils.Skip) or len(resolved) != 1:
            return []
        context = cache_utils.get_cache_context(
            metadata_handle=handle,
            pipeline_node=node,
            pipeline_info=pipeline.pipeline_info,
            executor_spec=executor,
            input_artifacts=resolved[0],
            output_artifacts=_skeleton(pipeline, node),
            parameters=data_types_utils.build_parsed_value_dict(
                inputs_utils.resolve_parameters_with_schema(
                    node_parameters=node.parameters
                )
            ),
        )
        cached = cache_utils.get_cached_outputs(
            metadata_handle=handle, cache_context=context
        )
    return [artifact.uri for some in (cached or {}).values() for artifact in some]


def _skeleton(
    pipeline: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode
) -> dict[str, list[types.Artifact]]:
    """Returns outputs as they are in the cache key: with any number of an execution."""
    resolver = outputs_utils.OutputsResolver(
        node, pipeline.pipeline_info, pipeline.runtime_spec
    )
    skeleton: dict[str, list[types.Artifact]] = resolver.generate_output_artifacts(0)
    return skeleton
