"""The earlier run whose outputs a run of a part of the pipeline takes.

Outputs are taken of one run, in which they were made of each other, and only if no
later one has made others: then what was made of the older ones is out of date.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from shardline.pipeline.metadata.records import (
    NODE_TYPE,
    PIPELINE_TYPE,
    RUN_TYPE,
    RecordedExecution,
    executions_in,
    has_ended,
    recorded_execution,
)
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.metadata.store import Connection, open_store


@dataclasses.dataclass(frozen=True)
class EarlierRun:
    """A run, and the components of it whose outputs are taken.

    Attributes:
        run_id: what ML Metadata calls it.
        executions: by component, the execution that made the outputs; in this run
            or, if they were reused there, in one before it.
    """

    run_id: str
    executions: Mapping[str, RecordedExecution]


def earlier_run(
    connection: Connection, pipeline_name: str, components: Sequence[str]
) -> EarlierRun | None:
    """Returns the newest run that has the outputs of components.

    Args:
        connection: the connection of the metadata store.
        pipeline_name: the pipeline.
        components: those whose outputs are needed, in the order of the pipeline; if
            none, any run will do that has come to the end of a component.

    Returns:
        The run; None if none is needed, and there is none.

    Raises:
        RunError: if no run has all of them, or one has newer ones.
    """
    store = open_store(connection)
    newest = {}
    for component in components:
        ended = _ended(executions_in(store, NODE_TYPE, f"{pipeline_name}.{component}"))
        if not ended:
            raise RunError(
                f"{component} has never come to its end here, and its outputs are "
                f"needed. Begin with it: --from {component}; or run all, without "
                "--from and --only."
            )
        newest[component] = ended
    for run in _runs(store, pipeline_name):
        in_run = {one.id for one in _ended(store.get_executions_by_context(run.id))}
        latest = {
            component: next((one for one in ended if one.id in in_run), None)
            for component, ended in newest.items()
        }
        found = {key: one for key, one in latest.items() if one is not None}
        if in_run and len(found) == len(components):
            return _checked(store, run.name, found, newest)
    if not components:
        return None
    raise RunError(_never_together(store, newest))


def _checked(
    store: MetadataStore,
    run_id: str,
    found: Mapping[str, mlmd.Execution],
    newest: Mapping[str, Sequence[mlmd.Execution]],
) -> EarlierRun:
    for component, execution in found.items():
        latest = newest[component][0]
        if _outputs(store, latest) != _outputs(store, execution):
            raise RunError(
                f"{component} has made newer outputs than those that the components "
                f"after it were given. Go on from it: --from {component}; or run all, "
                "without --from and --only."
            )
    return EarlierRun(
        run_id,
        {
            component: recorded_execution(store, _maker(store, execution))
            for component, execution in found.items()
        },
    )


def _never_together(
    store: MetadataStore, newest: Mapping[str, Sequence[mlmd.Execution]]
) -> str:
    """Returns the error of outputs that no run has together."""
    oldest = min(newest, key=lambda component: newest[component][0].id)
    return (
        f"No run has the outputs of {', '.join(newest)} together; those of {oldest} "
        f"are the oldest. Go on from it: --from {oldest}; or run all, without --from "
        "and --only."
    )


def _runs(store: MetadataStore, pipeline_name: str) -> list[mlmd.Context]:
    """Returns the runs of a pipeline, the newest first."""
    pipeline = store.get_context_by_type_and_name(PIPELINE_TYPE, pipeline_name)
    if pipeline is None:
        return []
    runs = [
        context
        for context in store.get_children_contexts_by_context(pipeline.id)
        if context.type == RUN_TYPE
    ]
    return sorted(runs, key=lambda context: context.id, reverse=True)


def _ended(executions: Sequence[mlmd.Execution]) -> list[mlmd.Execution]:
    """Returns the executions whose outputs are there, the newest first."""
    return sorted(filter(has_ended, executions), key=lambda one: one.id, reverse=True)


def _outputs(store: MetadataStore, execution: mlmd.Execution) -> set[int]:
    """Returns the numbers of the artifacts that an execution made or reused."""
    return {
        event.artifact_id
        for event in store.get_events_by_execution_ids([execution.id])
        if event.type == mlmd.Event.OUTPUT
    }


def _maker(store: MetadataStore, execution: mlmd.Execution) -> mlmd.Execution:
    """Returns the execution that made what this one has, which may have reused it."""
    numbers = {
        event.execution_id
        for event in store.get_events_by_artifact_ids(_outputs(store, execution))
        if event.type == mlmd.Event.OUTPUT
    }
    made = [
        one
        for one in store.get_executions_by_id(numbers)
        if one.last_known_state == mlmd.Execution.COMPLETE
    ]
    return min(made, key=lambda one: one.id, default=execution)
