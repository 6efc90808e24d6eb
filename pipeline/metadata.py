"""What ML Metadata says of a pipeline run: states of components, and their artifacts.

A component whose inputs cannot be resolved fails without an error, so a run is judged
by what it recorded.
"""

from collections.abc import Mapping
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

_RUN_TYPE = "pipeline_run"
_NODE_TYPE = "node"
_STATES = {
    mlmd.Execution.COMPLETE: "done",
    mlmd.Execution.CACHED: "reused",
    mlmd.Execution.FAILED: "failed",
    mlmd.Execution.CANCELED: "interrupted",
    mlmd.Execution.RUNNING: "interrupted",
}


class RunError(RuntimeError):
    """A pipeline run that did not come to its end."""


class RunRecord:
    """The record of one run of a pipeline."""

    def __init__(
        self, connection: mlmd.ConnectionConfig, pipeline_name: str, run_id: str
    ):
        """Opens the record.

        Args:
            connection: of ML Metadata.
            pipeline_name: the pipeline.
            run_id: the run.
        """
        self._store = MetadataStore(connection)
        self._pipeline_name = pipeline_name
        self._run_id = run_id

    def state(self, component: str) -> str:
        """Returns "done", "reused", "failed", "interrupted" or "skipped"."""
        execution = self._execution(component)
        if execution is None:
            return "skipped"
        return _STATES.get(execution.last_known_state, "unfinished")

    def check(self, component: str) -> None:
        """Checks that a component came to its end.

        Raises:
            RunError: if it did not.
        """
        state = self.state(component)
        if state not in ("done", "reused"):
            raise RunError(
                f"{component} is {state}, and raised no error: most often one of its "
                "inputs was not there. The log file tells what it printed."
            )

    def artifacts(self, component: str) -> dict[str, mlmd.Artifact]:
        """Returns a component's output artifacts by output name.

        Raises:
            RunError: if the component did not run.
        """
        execution = self._execution(component)
        if execution is None:
            raise RunError(f"{component} was skipped.")
        return output_artifacts(self._store, execution)

    def cancel(self, component: str) -> mlmd.Execution | None:
        """Records that a component was interrupted; returns its execution, if any."""
        execution = self._execution(component)
        if execution is None or execution.last_known_state != mlmd.Execution.RUNNING:
            return None
        execution.last_known_state = mlmd.Execution.CANCELED
        self._store.put_executions([execution])
        return execution

    def _execution(self, component: str) -> mlmd.Execution | None:
        """Returns the latest execution of a component in this run."""
        in_run = self._executions(_RUN_TYPE, self._run_id)
        of_node = self._executions(_NODE_TYPE, f"{self._pipeline_name}.{component}")
        both = in_run.keys() & of_node.keys()
        return in_run[max(both)] if both else None

    def _executions(self, kind: str, name: str) -> dict[int, mlmd.Execution]:
        context = self._store.get_context_by_type_and_name(kind, name)
        if context is None:
            return {}
        executions = self._store.get_executions_by_context(context.id)
        return {execution.id: execution for execution in executions}


def output_artifacts(
    store: MetadataStore, execution: mlmd.Execution
) -> dict[str, mlmd.Artifact]:
    """Returns the artifacts that an execution made, by output name."""
    outputs = {}
    for event in store.get_events_by_execution_ids([execution.id]):
        if event.type == mlmd.Event.OUTPUT:
            key = next(step.key for step in event.path.steps if step.key)
            (outputs[key],) = store.get_artifacts_by_id([event.artifact_id])
    return outputs


def properties(artifact: mlmd.Artifact) -> Mapping[str, Any]:
    """Returns an artifact's custom properties as plain values."""
    return {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in artifact.custom_properties.items()
    }
