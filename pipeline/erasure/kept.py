"""What stays in a run folder: the ids are taken out of it, and it is used further."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx.types.standard_artifacts import Examples

from shardline.components.eraser.checkpoints import erase_from_checkpoint, index_digest
from shardline.components.eraser.example_files import (
    count_examples,
    erase_from_examples,
    holds_erased,
    tells_erased,
)
from shardline.components.eraser.graphs import (
    erase_from_graph,
    erased_rows,
    free_rows,
)
from shardline.components.eraser.living import erase_from_vocabularies, evicted_rows
from shardline.components.eraser.models import erase_from_model
from shardline.components.eraser.published import erase_from_store
from shardline.components.eraser.report import Change
from shardline.components.eraser.scope import Scope
from shardline.components.eraser.span_store import erase_from_span
from shardline.components.eraser.text import Blackening
from shardline.components.eraser.transformed import is_stale, transform_anew
from shardline.components.eraser.work import Work
from shardline.components.pusher.stores.stores import open_store
from shardline.pipeline.erasure.run_outputs import RunOutputs

_MODEL = "Format-Serving"


class KeptOutputs:
    """Takes ids out of what stays."""

    def __init__(
        self, outputs: RunOutputs, scope: Scope, work: Work, *, have_rows: bool
    ):
        """Takes what is there, what is erased, and what changes it.

        Args:
            outputs: what is there.
            scope: what is erased.
            work: what changes it.
            have_rows: whether an id may have a row in some table.
        """
        self._have_rows = have_rows
        self._outputs, self._scope, self._work = outputs, scope, work
        self._blackening = Blackening(scope)
        self._changed: set[Path] = set()

    def checkpoints(self) -> None:
        """Resets rows, by the vocabularies of the graph that each was trained with.

        All of them come before any graph: only the graph tells whose a row is.
        """
        for folder in self._outputs.folders("Trainer", "checkpoint"):
            graph = self._outputs.trained_with(folder, "transform_graph")
            if graph is not None:
                living = self._outputs.trained_with(folder, "vocabularies")
                self._reset(folder, graph, living)
            elif self._have_rows:
                why = "its transform graph is gone, so nobody knows whose its rows are"
                self._work.remove(folder, why)

    def _reset(self, folder: Path, graph: Path, living: Path | None) -> None:
        before, rows = index_digest(folder), erased_rows(graph, self._scope)
        evicted: dict[str, list[int]] = {}
        if living:
            for name in self._scope.tables:
                evicted[name] = evicted_rows(living, name, self._scope)

        def reset(copy: Path) -> Change:
            change = erase_from_checkpoint(copy, rows, self._scope.erasure, evicted)
            if change:
                self._work.became(before, index_digest(copy))
            return change

        self._work.change(folder, reset)

    def models(self) -> None:
        """Takes ids out of exported models, then out of published ones."""

        def erased(copy: Path) -> Change:
            checkpoints = self._work.report.checkpoints
            return erase_from_model(copy / _MODEL, self._scope, checkpoints)

        for folder in self._outputs.folders("Exporter", "model"):
            self._work.change(folder, erased)
        for touched in erase_from_store(
            open_store(str(self._outputs.folder.serving)),
            self._scope,
            self._work.report.checkpoints,
            is_dry_run=self._work.is_dry_run,
        ):
            self._work.tell(touched)

    def vocabularies(self) -> None:
        """Takes ids out of living vocabularies and of transform graphs."""
        for folder in self._outputs.folders("FeatureTransform", "vocabularies"):
            self._work.change(
                folder, lambda copy: erase_from_vocabularies(copy, self._scope)
            )
        for folder in self._outputs.folders("FeatureTransform", "transform_graph"):
            self._work.change(folder, lambda copy: erase_from_graph(copy, self._scope))

    def examples(self) -> None:
        """Takes ids out of the newest examples; older ones that hold any go.

        So do those that are put together of spans in the store, which stays.
        """
        for kept in sorted(self._outputs.span_store.glob("*-v*")):
            self._work.change(kept, self._erased_span)
        folders = self._outputs.folders("ReaderExampleGen", "examples")
        for folder in folders[:-1]:
            if self._names_erased(folder):
                self._work.remove(folder, "examples of an earlier run")
        for folder in self._outputs.folders("SpanExamples", "examples"):
            if self._names_erased(folder):
                self._work.remove(folder, "put together again of the store of spans")
        for folder in folders[-1:]:
            self._erase_examples(folder)

    def _names_erased(self, folder: Path) -> bool:
        """Returns whether Examples hold an id, or what is said of them does."""
        erasure = self._scope.erasure
        return tells_erased(folder, self._blackening) or holds_erased(folder, erasure)

    def _erased_span(self, copy: Path) -> Change:
        return erase_from_span(
            copy, self._scope.erasure, self._outputs.asked, self._blackening
        )

    def _erase_examples(self, folder: Path) -> None:
        def erased(copy: Path) -> Change:
            return erase_from_examples(copy, self._scope.erasure, self._blackening)

        if self._work.change(folder, erased):
            self._changed.add(folder)

    def transformed_examples(self) -> None:
        """Makes stale transformed examples anew; those of earlier runs go."""
        executions = [
            one
            for one in self._outputs.executions("FeatureTransform")
            if "transformed_examples" in one.outputs
        ]
        for execution in executions:
            here = self._outputs.here
            folder = here(execution.outputs["transformed_examples"].uri)
            graph = here(execution.outputs["transform_graph"].uri)
            raw = [here(one.uri) for one in execution.inputs["examples"]]
            if folder.is_dir() and self._is_stale(folder, graph, raw):
                are_there = graph.is_dir() and all(one.is_dir() for one in raw)
                if execution is executions[-1] and are_there:
                    given = [
                        one.for_tfx(Examples) for one in execution.inputs["examples"]
                    ]
                    for one, place in zip(given, raw, strict=True):
                        one.uri = str(place)
                    self._make_anew(folder, graph, given)
                else:
                    self._work.remove(folder, "transformed examples of an earlier run")

    def _is_stale(self, folder: Path, graph: Path, raw: list[Path]) -> bool:
        if not graph.is_dir() or not all(one.is_dir() for one in raw):
            return True
        gone = {Path(path) for path in self._work.removed}
        if not (self._changed | gone).isdisjoint(raw):
            return True
        return is_stale(folder, raw, graph, free_rows(graph, self._scope))

    def _make_anew(self, folder: Path, graph: Path, raw: Sequence[Any]) -> None:
        def made(copy: Path) -> Change:
            if self._work.is_dry_run:
                return Change(made_anew=sum(count_examples([copy]).values()))
            return Change(made_anew=transform_anew(copy, raw, graph))

        self._work.change(folder, made, "made anew", "of the examples that are left")

    def logs(self) -> None:
        """Blackens ids in logs."""
        for log in sorted(self._outputs.folder.logs.glob("*")):
            self._work.blacken(log, self._blackening)
