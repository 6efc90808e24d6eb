"""What ML Metadata has recorded of pipeline runs, in this project's words.

A component whose inputs cannot be resolved fails without an error, so a run is judged
by what it recorded.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx import types

from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.metadata.store import Connection, open_store

State = Literal["done", "reused", "failed", "interrupted", "unfinished", "skipped"]

# What TFX calls the contexts of executions.
PIPELINE_TYPE = "pipeline"
RUN_TYPE = "pipeline_run"
NODE_TYPE = "node"

_STATES: Mapping[int, State] = {
    mlmd.Execution.COMPLETE: "done",
    mlmd.Execution.CACHED: "reused",
    mlmd.Execution.FAILED: "failed",
    mlmd.Execution.CANCELED: "interrupted",
    mlmd.Execution.RUNNING: "interrupted",
}
_ENDED = ("done", "reused")

_Artifact = TypeVar("_Artifact", bound=types.Artifact)


class RecordedArtifact:
    """An artifact that a component wrote."""

    def __init__(self, artifact: mlmd.Artifact):
        """Takes the record of ML Metadata."""
        self._artifact = artifact

    @property
    def number(self) -> int:
        """What ML Metadata calls it; no other artifact of the store has it."""
        return int(self._artifact.id)

    @property
    def uri(self) -> str:
        """Where its content is."""
        return str(self._artifact.uri)

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its custom properties as plain values, by name."""
        return _values(self._artifact.custom_properties)

    def for_tfx(self, kind: type[_Artifact]) -> _Artifact:
        """Returns the artifact as TFX passes it to executors.

        Args:
            kind: its class.
        """
        artifact: _Artifact = kind()
        artifact.set_mlmd_artifact(self._artifact)
        return artifact


@dataclasses.dataclass(frozen=True)
class RecordedExecution:
    """One time that a component ran, or that its outputs were reused.

    Attributes:
        number: what ML Metadata calls it; in the paths of its outputs.
        state: how it ended.
        parameters: the component's parameters by name.
        outputs: the artifacts that it wrote or reused, by output name.
        inputs: the artifacts that it was given, by input name.
    """

    number: int
    state: State
    parameters: Mapping[str, Any]
    outputs: Mapping[str, RecordedArtifact]
    inputs: Mapping[str, tuple[RecordedArtifact, ...]]

    @property
    def has_ended(self) -> bool:
        """Whether all its outputs are there."""
        return self.state in _ENDED


class RunRecord:
    """The record of one run of a pipeline."""

    def __init__(self, connection: Connection, pipeline_name: str, run_id: str):
        """Opens the record.

        Args:
            connection: the connection of the metadata store.
            pipeline_name: the pipeline.
            run_id: the run.
        """
        self._store = open_store(connection)
        self._pipeline_name = pipeline_name
        self._run_id = run_id

    def state(self, component: str) -> State:
        """Returns how a component ended, as far as it has; "skipped" if it never ran.

        Args:
            component: its id.
        """
        return _state(self._latest(component))

    def check(self, component: str) -> None:
        """Checks that a component came to its end.

        Args:
            component: its id.

        Raises:
            RunError: if it did not.
        """
        state = self.state(component)
        if state not in _ENDED:
            raise RunError(
                f"{component} is {state}, and raised no error: most often one of its "
                "inputs was not there. The log file has what it printed."
            )

    def artifacts(self, component: str) -> Mapping[str, RecordedArtifact]:
        """Returns a component's output artifacts by output name.

        Args:
            component: its id.

        Raises:
            RunError: if the component did not run.
        """
        execution = self._latest(component)
        if execution is None:
            raise RunError(f"{component} was skipped.")
        return _outputs(self._store, execution)

    def cancel(self, component: str) -> int | None:
        """Records that a component was interrupted.

        Args:
            component: its id.

        Returns:
            The number of its execution; None if none was running.
        """
        execution = self._latest(component)
        if execution is None or execution.last_known_state != mlmd.Execution.RUNNING:
            return None
        execution.last_known_state = mlmd.Execution.CANCELED
        self._store.put_executions([execution])
        return int(execution.id)

    def _latest(self, component: str) -> mlmd.Execution | None:
        """Returns the latest execution of a component in this run."""
        node = f"{self._pipeline_name}.{component}"
        of_node = {one.id for one in executions_in(self._store, NODE_TYPE, node)}
        in_run = executions_in(self._store, RUN_TYPE, self._run_id)
        both = [execution for execution in in_run if execution.id in of_node]
        return max(both, key=lambda execution: execution.id, default=None)


def executions_of(
    connection: Connection, pipeline_name: str, component: str
) -> list[RecordedExecution]:
    """Returns the executions of a component in all runs of a pipeline, oldest first.

    Args:
        connection: the connection of the metadata store.
        pipeline_name: the pipeline.
        component: its id.
    """
    store = open_store(connection)
    found = executions_in(store, NODE_TYPE, f"{pipeline_name}.{component}")
    return [
        recorded_execution(store, execution)
        for execution in sorted(found, key=lambda execution: execution.id)
    ]


def recorded_execution(
    store: MetadataStore, execution: mlmd.Execution
) -> RecordedExecution:
    """Returns an execution in this project's words.

    Args:
        store: the metadata store.
        execution: as ML Metadata has it.
    """
    return RecordedExecution(
        number=execution.id,
        state=_state(execution),
        parameters=_values(execution.custom_properties),
        outputs=_outputs(store, execution),
        inputs=_inputs(store, execution),
    )


def numbers_without_outputs(
    connection: Connection, pipeline_name: str, component: str
) -> list[int]:
    """Returns the numbers of the executions that came to no end, smallest first.

    Args:
        connection: the connection of the metadata store.
        pipeline_name: the pipeline.
        component: its id.
    """
    node = f"{pipeline_name}.{component}"
    executions = executions_in(open_store(connection), NODE_TYPE, node)
    return sorted(one.id for one in executions if not has_ended(one))


def has_ended(execution: mlmd.Execution) -> bool:
    """Tells whether all outputs of an execution are there.

    Args:
        execution: as ML Metadata has it.
    """
    return _state(execution) in _ENDED


def executions_in(
    store: MetadataStore, context_type: str, name: str
) -> Sequence[mlmd.Execution]:
    """Returns the executions of a context, such as a run; none if there is none.

    Args:
        store: the metadata store.
        context_type: `RUN_TYPE` or `NODE_TYPE`.
        name: the name of the context.
    """
    context = store.get_context_by_type_and_name(context_type, name)
    return store.get_executions_by_context(context.id) if context else ()


def _state(execution: mlmd.Execution | None) -> State:
    if execution is None:
        return "skipped"
    return _STATES.get(execution.last_known_state, "unfinished")


def _inputs(
    store: MetadataStore, execution: mlmd.Execution
) -> Mapping[str, tuple[RecordedArtifact, ...]]:
    inputs: dict[str, tuple[RecordedArtifact, ...]] = {}
    for event in store.get_events_by_execution_ids([execution.id]):
        if event.type == mlmd.Event.INPUT:
            key = next(step.key for step in event.path.steps if step.key)
            (artifact,) = store.get_artifacts_by_id([event.artifact_id])
            inputs[key] = (*inputs.get(key, ()), RecordedArtifact(artifact))
    return inputs


def _outputs(
    store: MetadataStore, execution: mlmd.Execution
) -> Mapping[str, RecordedArtifact]:
    outputs = {}
    for event in store.get_events_by_execution_ids([execution.id]):
        if event.type == mlmd.Event.OUTPUT:
            key = next(step.key for step in event.path.steps if step.key)
            (artifact,) = store.get_artifacts_by_id([event.artifact_id])
            outputs[key] = RecordedArtifact(artifact)
    return outputs


def _values(properties: Mapping[str, mlmd.Value]) -> Mapping[str, Any]:
    return {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in properties.items()
    }
