"""A compiled specification, read task by task as the platforms read it."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import (
    ArtifactList,
    ComponentSpec,
    ExecutorInput,
    RuntimeArtifact,
)
from shardline_tests import load

holds = load("platform/conditions.py").holds
Outputs = dict[str, dict[str, RuntimeArtifact]]


class Specification:
    """What runs, when, and with what."""

    def __init__(self, job: Mapping[str, Any]):
        """Takes what `shardline compile` writes, as JSON."""
        self._spec = job["pipelineSpec"]
        self._config = job["runtimeConfig"]
        self.tasks: dict[str, Any] = self._spec["root"]["dag"]["tasks"]

    @property
    def root(self) -> str:
        """Where artifacts go."""
        return str(self._config["gcsOutputDirectory"]).rstrip("/")

    def component(self, task: str) -> ComponentSpec:
        """Returns what a task runs: its inputs and outputs, and their types."""
        name = self.tasks[task]["componentRef"]["name"]
        return json_format.ParseDict(self._spec["components"][name], ComponentSpec())

    def container(self, task: str) -> dict[str, Any]:
        """Returns the container of a task; any other kind of task is an error."""
        executors = self._spec["deploymentSpec"]["executors"]
        container: dict[str, Any] = executors[self.component(task).executor_label][
            "container"
        ]
        return container

    def before(self, task: str) -> set[str]:
        """Returns the tasks that must have ended before a task."""
        taken = {artifact["producerTask"] for _, artifact in self._taken(task)}
        return taken | set(self.tasks[task].get("dependentTasks", ()))

    def inputs(self, task: str, outputs: Outputs) -> ExecutorInput.Inputs:
        """Returns what a task is given.

        Args:
            task: its name.
            outputs: of the tasks before it, by task and key.
        """
        made = {
            key: outputs[artifact["producerTask"]][artifact["outputArtifactKey"]]
            for key, artifact in self._taken(task)
        }
        return self.given(task, made)

    def given(
        self, task: str, artifacts: Mapping[str, RuntimeArtifact]
    ) -> ExecutorInput.Inputs:
        """Returns the inputs of a task, its parameters beside these artifacts."""
        parameters = self.tasks[task].get("inputs", {}).get("parameters", {})
        inputs = ExecutorInput.Inputs(
            artifacts={
                key: ArtifactList(artifacts=[made]) for key, made in artifacts.items()
            }
        )
        values = {name: self._value(told) for name, told in parameters.items()}
        return json_format.ParseDict({"parameterValues": values}, inputs)

    def artifact(
        self, task: str, key: str, uri: str, metadata: Mapping[str, Any]
    ) -> RuntimeArtifact:
        """Returns an artifact that is an input of a task.

        Args:
            task: its name.
            key: of the input.
            uri: where the artifact lies.
            metadata: of the artifact.
        """
        declared = self.component(task).input_definitions.artifacts[key]
        artifact = RuntimeArtifact(name="1", type=declared.artifact_type, uri=uri)
        artifact.metadata.update(metadata)
        return artifact

    def is_triggered(self, task: str, inputs: ExecutorInput.Inputs) -> bool:
        """Tells whether a task runs, by its condition."""
        condition = self.tasks[task].get("triggerPolicy", {}).get("condition")
        return condition is None or holds(
            condition,
            json_format.MessageToDict(inputs, preserving_proto_field_name=True),
        )

    def _taken(self, task: str) -> Iterator[tuple[str, dict[str, str]]]:
        artifacts = self.tasks[task].get("inputs", {}).get("artifacts", {})
        for key, source in artifacts.items():
            yield key, source["taskOutputArtifact"]

    def _value(self, told: Mapping[str, Any]) -> Any:
        """Returns the value of a parameter: a constant, or what the run is given."""
        if "componentInputParameter" not in told:
            return told["runtimeValue"]["constant"]
        name = told["componentInputParameter"]
        declared = self._spec["root"]["inputDefinitions"]["parameters"][name]
        given = self._config.get("parameterValues", {})
        return given[name] if name in given else declared["defaultValue"]
