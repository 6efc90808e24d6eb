"""What two platforms hand to a container of one and the same specification.

The facts are those of Vertex AI, and of the driver and the launcher of Kubeflow
Pipelines 2.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import (
    ArtifactList,
    ArtifactTypeSchema,
    ComponentSpec,
    ExecutorInput,
    RuntimeArtifact,
)


class Platform(Protocol):
    """Where outputs go, what artifacts are called, and how their types are told."""

    def outputs(
        self, root: str, run: str, task: str, component: ComponentSpec, own: Path
    ) -> ExecutorInput.Outputs:
        """Returns what a container is to write.

        Args:
            root: the pipeline root of the run.
            run: the name of the run, which no other run has.
            task: the task's name.
            component: what the task runs.
            own: a folder of the container.
        """

    def recorded(self, artifact: RuntimeArtifact) -> RuntimeArtifact:
        """Returns an output as the containers that take it find it.

        Raises:
            ValueError: if the records cannot hold its metadata.
        """


def _artifacts(
    component: ComponentSpec, folder: str, names: Iterator[str]
) -> dict[str, ArtifactList]:
    return {
        key: ArtifactList(
            artifacts=[
                RuntimeArtifact(
                    name=next(names),
                    type=declared.artifact_type,
                    uri=f"{folder}/{key}",
                )
            ]
        )
        for key, declared in sorted(component.output_definitions.artifacts.items())
    }


@dataclasses.dataclass
class Vertex:
    """Artifacts are named resources; reports go to where the outputs go."""

    project: str = "1234567890"
    numbers: Iterator[int] = dataclasses.field(
        default_factory=lambda: itertools.count(1)
    )

    def outputs(
        self, root: str, run: str, task: str, component: ComponentSpec, own: Path
    ) -> ExecutorInput.Outputs:
        """See Platform."""
        del own
        folder = f"{root}/{self.project}/{run}/{task}_{next(self.numbers)}"
        store = f"projects/{self.project}/locations/here/metadataStores/default"
        names = (f"{store}/artifacts/{number}" for number in self.numbers)
        return ExecutorInput.Outputs(
            artifacts=_artifacts(component, folder, names),
            output_file=f"{folder}/executor_output.json",
        )

    def recorded(self, artifact: RuntimeArtifact) -> RuntimeArtifact:
        """See Platform."""
        _refuse_null(artifact)
        return artifact


@dataclasses.dataclass
class Kubeflow:
    """Artifacts have names once they are made; reports go to the container's disk."""

    numbers: Iterator[int] = dataclasses.field(
        default_factory=lambda: itertools.count(1)
    )

    def outputs(
        self, root: str, run: str, task: str, component: ComponentSpec, own: Path
    ) -> ExecutorInput.Outputs:
        """See Platform."""
        salt = f"{next(self.numbers):08x}"
        return ExecutorInput.Outputs(
            artifacts=_artifacts(
                component, f"{root}/{run}/{task}/{salt}", itertools.repeat("")
            ),
            output_file=str(own / "kfp_outputs" / "output_metadata.json"),
        )

    def recorded(self, artifact: RuntimeArtifact) -> RuntimeArtifact:
        """See Platform."""
        _refuse_null(artifact)
        schema: dict[str, Any] = yaml.safe_load(artifact.type.instance_schema)
        recorded = RuntimeArtifact(
            name=str(next(self.numbers)),
            type=ArtifactTypeSchema(schema_title=schema["title"]),
            uri=artifact.uri,
        )
        metadata = json_format.MessageToDict(artifact.metadata)
        recorded.metadata.update(
            {key: _in_ml_metadata(value) for key, value in metadata.items()}
        )
        return recorded


def _refuse_null(artifact: RuntimeArtifact) -> None:
    metadata = json_format.MessageToDict(artifact.metadata)
    if empty := [key for key, value in metadata.items() if value is None]:
        raise ValueError(f"{artifact.uri}: no record can hold {empty}: null")


def _in_ml_metadata(value: Any) -> Any:
    """Returns a value as it comes back of what ML Metadata has of it."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, dict):
        return {"struct": value}
    return {"list": value} if isinstance(value, list) else value
