"""Runs a compiled specification on this machine, as the platforms run it.

It knows nothing but the specification: which task takes what of which, the condition of
each, its container. Artifacts go from task to task as the platforms record them, by URI
and metadata. Caching is left aside: what is triggered runs.
"""

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import (
    ExecutorInput,
    ExecutorOutput,
    RuntimeArtifact,
)
from shardline_tests import load

containers = load("platform/containers.py")
Specification = load("platform/specification.py").Specification

_AT_ONCE = 2
Kill = Callable[[str], bool]


@dataclasses.dataclass
class Execution:
    """A run of the whole pipeline.

    Attributes:
        outputs: of the tasks that ran, by task and key.
        skipped: the tasks that did not run.
        killed: the tasks that were killed, and started again.
    """

    outputs: dict[str, dict[str, RuntimeArtifact]] = dataclasses.field(
        default_factory=dict
    )
    skipped: set[str] = dataclasses.field(default_factory=set)
    killed: set[str] = dataclasses.field(default_factory=set)

    def metadata(self, task: str, key: str) -> dict[str, Any]:
        """Returns the metadata of an output."""
        metadata = self.outputs[task][key].metadata
        found: dict[str, Any] = json_format.MessageToDict(metadata)
        return found


class Driver:
    """Runs the tasks of a specification, each in a container."""

    def __init__(
        self,
        job: Mapping[str, Any],
        platform: Any,
        disks: Path,
        image: Mapping[str, str] | None = None,
    ):
        """Takes a specification.

        Args:
            job: what `shardline compile` writes, as JSON.
            platform: one of those in `platforms.py`.
            disks: a folder for what the containers have for themselves.
            image: variables that the image sets, beside those of every image.
        """
        self.spec = Specification(job)
        self._platform = platform
        self._disks = disks
        self._image = image or {}

    def run(self, name: str, kill_once: Mapping[str, Kill] | None = None) -> Execution:
        """Runs what is triggered, two tasks at a time.

        Args:
            name: of the run, which no other one has.
            kill_once: by task, at which of its lines it is killed. The platform starts
                it again then, and tells it what it told it before.

        Raises:
            StepError: if a container fails; the tasks behind it do not run.
        """
        execution, kills = Execution(), dict(kill_once or {})
        waiting = set(self.spec.tasks)
        running: dict[Future[dict[str, RuntimeArtifact]], str] = {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while waiting or running:
                ended = execution.outputs.keys() | execution.skipped
                ready = {one for one in waiting if self.spec.before(one) <= ended}
                waiting -= ready
                for task in sorted(ready):
                    container = self._triggered(task, name, execution)
                    if container is None:
                        execution.skipped.add(task)
                        continue
                    kill = kills.pop(task, None)
                    running[pool.submit(self._run, container, kill, execution)] = task
                if running and not ready & execution.skipped:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        execution.outputs[running.pop(future)] = future.result()
        return execution

    def container(self, task: str, run: str, inputs: ExecutorInput.Inputs) -> Any:
        """Returns the container of a task.

        Args:
            task: its name.
            run: the name of the run.
            inputs: what it is given.
        """
        component = self.spec.component(task)
        declared = self.spec.container(task)
        disk = self._disks / f"{run}-{task}"
        outputs = self._platform.outputs(self.spec.root, run, task, component, disk)
        return containers.Container(
            task,
            (*declared["command"], *declared["args"]),
            component,
            ExecutorInput(inputs=inputs, outputs=outputs),
            disk,
            {v["name"]: v["value"] for v in declared.get("env", ())} | self._image,
        )

    def _triggered(self, task: str, run: str, execution: Execution) -> Any | None:
        """Returns the container of a task; None if it is not to run."""
        if self.spec.before(task) & execution.skipped:
            return None
        inputs = self.spec.inputs(task, execution.outputs)
        if not self.spec.is_triggered(task, inputs):
            return None
        return self.container(task, run, inputs)

    def _run(
        self, container: Any, kill: Kill | None, execution: Execution
    ) -> dict[str, RuntimeArtifact]:
        if kill:
            try:
                container.run(kill_at=kill)
            except containers.StepError as error:
                if error.returncode != -9:
                    raise
                execution.killed.add(container.task)
        return self._recorded(container.asked, container.run())

    def _recorded(
        self, asked: ExecutorInput, reported: ExecutorOutput
    ) -> dict[str, RuntimeArtifact]:
        """Returns the outputs of a task as the platform records them."""
        made = {}
        for key, told in asked.outputs.artifacts.items():
            artifact = told.artifacts[0]
            for report in reported.artifacts[key].artifacts:
                artifact.uri = report.uri or artifact.uri
                artifact.metadata.update(report.metadata)
            made[key] = self._platform.recorded(artifact)
        return made
