"""The outputs that a run folder holds, and which of them was made of which.

Records name outputs by the place where they were made. A run folder may have been moved
or copied since: what counts is where in the run folder an output lies.
"""

from collections.abc import Sequence
from pathlib import Path

from shardline.components.span_examples.examination import Asked
from shardline.configs.schema import Run
from shardline.pipeline.metadata.changes import place_of
from shardline.pipeline.metadata.records import (
    RecordedExecution,
    executions_of,
    numbers_without_outputs,
)
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.names import pipeline_name
from shardline.pipeline.run_folder import RunFolder

# What components keep from run to run beside their outputs.
_NO_OUTPUTS = ("counts", "sets", "spans")


class RunOutputs:
    """The outputs of all runs of one configuration into a run folder.

    Attributes:
        folder: the run folder.
        asked: what is looked for in examples of spans.
    """

    def __init__(self, run: Run, folder: RunFolder):
        """Takes a run folder.

        Args:
            run: the configuration.
            folder: the run folder.
        """
        self.folder = folder
        self.asked = Asked(
            run.data.label,
            run.data.example_weight,
            run.data.spans.column if run.data.spans else None,
        )
        self._pipeline = pipeline_name(run.name)

    @property
    def span_store(self) -> Path:
        """Where the examples of spans are kept from run to run."""
        return self.folder.artifacts / "SpanExamples" / "spans"

    def folders(self, component: str, output: str) -> list[Path]:
        """Returns the folders of an output that are whole, oldest first.

        Args:
            component: its id.
            output: its name.
        """
        parent = self.folder.artifacts / component / output
        found = [path for path in parent.glob("*") if path.name.isdigit()]
        half_made = {str(number) for number in self._without_outputs(component)}
        whole = [path for path in found if path.name not in half_made]
        return sorted(whole, key=lambda path: int(path.name))

    def half_made(self) -> list[Path]:
        """Returns what killed runs have left, which the next run removes as well."""
        return [
            output / str(number)
            for component in sorted(self.folder.artifacts.glob("*"))
            for number in self._without_outputs(component.name)
            for output in sorted(component.glob("*"))
            if output.name not in _NO_OUTPUTS and (output / str(number)).is_dir()
        ]

    def _without_outputs(self, component: str) -> list[int]:
        if not self.folder.metadata.exists():
            return []
        connection = sqlite_connection(self.folder.metadata)
        return numbers_without_outputs(connection, self._pipeline, component)

    def executions(self, component: str) -> Sequence[RecordedExecution]:
        """Returns the executions of a component that wrote outputs, oldest first."""
        if not self.folder.metadata.exists():
            return []
        connection = sqlite_connection(self.folder.metadata)
        every = executions_of(connection, self._pipeline, component)
        return [one for one in every if one.state == "done"]

    def here(self, uri: str) -> Path:
        """Returns where in this run folder an output is that a record names.

        Args:
            uri: of the output.
        """
        return self.folder.artifacts / place_of(uri)

    def trained_with(self, checkpoint: Path, what: str) -> Path | None:
        """Returns an input of the training of a checkpoint.

        Args:
            checkpoint: its folder.
            what: the name of the input, such as `transform_graph`.

        Returns:
            None if no record tells, or it is gone, or there was none.
        """
        for execution in self.executions("Trainer"):
            made = execution.outputs.get("checkpoint")
            if made and self.here(made.uri) == checkpoint:
                for given in execution.inputs.get(what, ()):
                    folder = self.here(given.uri)
                    return folder if folder.is_dir() else None
        return None
