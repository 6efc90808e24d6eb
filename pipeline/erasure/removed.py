"""What goes from a run folder, since it holds ids and is made again when needed."""

from collections.abc import Iterator
from pathlib import Path

from shardline.components.eraser.counts import counts_with_ids
from shardline.components.eraser.report import Change
from shardline.components.eraser.scope import Scope
from shardline.components.eraser.search import files_with, holds_any
from shardline.components.eraser.text import Blackening
from shardline.components.eraser.work import Work
from shardline.components.trainer.work_folder import vocabularies_digest
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.pipeline.erasure.run_outputs import RunOutputs

_MADE_AGAIN = (
    ("StatisticsGen", "statistics"),
    ("SpanStatistics", "statistics"),
    ("ExampleValidator", "anomalies"),
    ("Evaluator", "evaluation"),
)
# Outputs whose content is known: what is found in them later is no text to blacken.
_KNOWN = (
    "Exporter/model",
    "FeatureTransform/",
    "ReaderExampleGen/examples",
    "SpanExamples/",
    "Trainer/checkpoint",
)
_TEXT = (".csv", ".html", ".json", ".pbtxt", ".txt")
_FINISHED = "finished.json"


def remove_counts(outputs: RunOutputs, scope: Scope, work: Work) -> None:
    """Removes counts of tokens that hold ids."""
    folder = outputs.folder.artifacts / "FeatureTransform" / "counts"
    for kept in counts_with_ids(folder, scope):
        work.remove(kept, "counts of tokens: the span is counted again when needed")


def remove_sets(outputs: RunOutputs, work: Work, custom: str | None) -> None:
    """Removes the checkpoint sets of the run's trainings, differential ones too.

    Args:
        outputs: of the run.
        work: what removes.
        custom: `training.checkpoint.folder`, in which other runs may have sets: only
            those go that were trained with vocabularies of this one.
    """
    for folder in sorted((outputs.folder.artifacts / "Trainer" / "sets").glob("*")):
        if folder.is_dir():
            _remove_training(folder, work)
    if custom:
        graphs = outputs.folders("FeatureTransform", "transform_graph")
        digests = {vocabularies_digest(str(graph)) for graph in graphs}
        for folder in sorted(Path(custom).glob("*")):
            if any(one in digests for one in _vocabularies(folder)):
                _remove_training(folder, work)


def _vocabularies(training: Path) -> Iterator[str]:
    if training.is_dir():
        for found in SetFolder(training).sets():
            yield found.manifest.lineage.get("vocabularies", "")


def _remove_training(folder: Path, work: Work) -> None:
    if (folder / _FINISHED).exists():
        why = "checkpoint sets of a finished training: its checkpoint stays"
    else:
        why = "checkpoint sets of a training that had not finished: it begins anew"
    work.remove(folder, why)


def remove_what_is_made_again(outputs: RunOutputs, work: Work) -> None:
    """Removes statistics and evaluations, which hold the most frequent values."""
    folders = [
        folder
        for component, output in _MADE_AGAIN
        for folder in outputs.folders(component, output)
    ]
    kept = outputs.folder.artifacts / "SpanStatistics" / "spans"
    for folder in [*folders, *sorted(kept.glob("*"))]:
        work.remove(folder, "made again when needed")


def remove_downloads(outputs: RunOutputs, scope: Scope, work: Work) -> None:
    """Removes raw data that was fetched into the run folder, if it may hold ids."""
    for path in sorted(outputs.folder.data.glob("*")):
        if scope.common or holds_any(path, scope.distinctive):
            work.remove(path, "raw data: fetched again when needed, ids and all")


def clear_the_rest(outputs: RunOutputs, scope: Scope, work: Work) -> None:
    """Blackens text, and removes what else holds a distinctive id.

    Args:
        outputs: of the run.
        scope: what is erased.
        work: what changes and removes.
    """
    artifacts = outputs.folder.artifacts
    if not artifacts.is_dir():
        return
    blackening = Blackening(scope)
    for found in files_with(artifacts, scope.distinctive):
        file = artifacts / found.partition(": ")[0]
        below = file.relative_to(artifacts)
        if below.as_posix().startswith(_KNOWN) or not file.exists():
            continue
        folder = artifacts.joinpath(*below.parts[:3])
        if str(folder) in work.removed:  # or would be
            continue
        if file.suffix in _TEXT and folder.is_dir():

            def blackened(
                copy: Path, name: str = file.relative_to(folder).as_posix()
            ) -> Change:
                return blackening.in_file(copy / name)

            work.change(folder, blackened, "redacted")
        else:
            work.remove(folder, "holds ids: made again when needed")
