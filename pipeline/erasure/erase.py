"""Takes ids out of everything that a run folder holds, in an order that survives kills.

Tombstones come first: whatever is made from then on lacks the ids. Then checkpoints and
models, published versions, vocabularies, examples, and what can be made again, which is
removed. Each folder changes as a whole, and what is erased already changes no more, so
a second call does what a killed one has left. In the end everything is looked at again.
"""

import contextlib
import datetime
import functools
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from shardline.components.contracts.erasures.tombstones import (
    Tombstones,
    load_tombstones,
)
from shardline.components.contracts.spans.state import load_state
from shardline.components.eraser.report import (
    ErasureReport,
    Touched,
    unfinished,
)
from shardline.components.eraser.scope import EraseError, Scope
from shardline.components.eraser.search import files_with, holds_any
from shardline.components.eraser.swap import remove_strays
from shardline.components.eraser.text import Blackening
from shardline.components.eraser.work import Work
from shardline.configs.schema import Run
from shardline.pipeline.erasure.kept import KeptOutputs
from shardline.pipeline.erasure.removed import (
    clear_the_rest,
    remove_counts,
    remove_downloads,
    remove_sets,
    remove_what_is_made_again,
)
from shardline.pipeline.erasure.run_outputs import RunOutputs
from shardline.pipeline.metadata.changes import place_of, rewrite_records
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.reuse import record_rewritten
from shardline.pipeline.run_folder import RunFolder

_AT_THE_SOURCE = (
    "The raw data is yours: erase the ids there too. Until then they are left out "
    "whenever it is read, by {}/erased.json."
)
_ELSEWHERE = (
    "Copies elsewhere are not reached: agents' targets get the new version and keep "
    "older ones until `--keep` lets them go, servers until they load the new one."
)
_LEARNT = (
    "What the dense model and other rows have learnt from the ids stays learnt; train "
    "anew from raw data without them if it must not."
)
_KINDS = {
    "hash": "Table `{}` hashes ids to rows that they share: no row was reset.",
    "range": "Table `{}` takes ids for rows: theirs were reset, and are looked up.",
}


def erase(
    run: Run,
    run_folder: RunFolder,
    scope: Scope,
    ids: Path,
    *,
    is_dry_run: bool = False,
    say: Callable[[Touched], None] = lambda touched: None,
) -> ErasureReport:
    """Erases ids; the caller holds the run folder.

    Args:
        run: the configuration.
        run_folder: what is searched.
        scope: what is erased.
        ids: the file of the ids.
        is_dry_run: only say what would be done.
        say: is told of everything that is done.

    Returns:
        What was done, and in `left` where an id was found afterwards.

    Raises:
        EraseError: if the run folder holds no run, or the file of the ids.
        StateError: if the state of runs in spans is damaged.
        PublicationError: if the newest published version is damaged.
        TombstonesError: if the tombstones that are there are damaged.
    """
    if not run_folder.artifacts.is_dir():
        raise EraseError(f"{run_folder.root} holds no run: there is nothing to erase.")
    if ids.resolve().is_relative_to(run_folder.root):
        raise EraseError(
            f"{ids} lies in the run folder {run_folder.root}, where the ids are to be "
            "found nowhere in the end. Move it."
        )
    earlier = [] if is_dry_run else unfinished(run_folder.root)
    report = _new_report(run_folder, scope, is_dry_run, earlier)
    recorded = functools.partial(_record, is_resumed=report.resumed)
    work = Work(run_folder.root, report, recorded, say)
    outputs = RunOutputs(run, run_folder)
    if not is_dry_run:
        for parent in run_folder.artifacts.glob("*/*"):
            remove_strays(parent)
        _bury(run_folder, scope)
        if run.data.spans:
            _expect_changes(run, run_folder)
    have_rows = bool(report.known) or report.resumed
    kept = KeptOutputs(outputs, scope, work, have_rows=have_rows)
    for folder in outputs.half_made():
        work.remove(folder, "half made by a run that was killed")
    if have_rows:
        remove_sets(outputs, work, run.training.checkpoint.folder)
    _changes(kept)
    remove_counts(outputs, scope, work)
    if work.has_changed:
        remove_what_is_made_again(outputs, work)
        remove_downloads(outputs, scope, work)
    clear_the_rest(outputs, scope, work)
    _rewrite_metadata(run_folder, scope, work)
    for note in _notes(run_folder, scope, report):
        work.note(note)
    if not is_dry_run:
        left = _left(outputs, scope)
        work.finish(left)
        if not left:
            _finish_all(earlier, run_folder.root)
    return work.report


def _changes(kept: KeptOutputs) -> None:
    """Takes ids out of what stays; does nothing where none is left."""
    kept.checkpoints()
    kept.models()
    kept.vocabularies()
    kept.examples()
    kept.transformed_examples()
    kept.logs()


def _new_report(
    run_folder: RunFolder,
    scope: Scope,
    is_dry_run: bool,
    earlier: Sequence[ErasureReport],
) -> ErasureReport:
    began = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    return ErasureReport(
        feature=scope.feature,
        table=scope.table,
        columns=tuple(sorted(scope.columns)),
        crosses=scope.tables[1:],
        ids=len(scope.tokens),
        known=len(_known(run_folder, scope)),
        common=len(scope.common),
        dry_run=is_dry_run,
        resumed=bool(earlier),
        checkpoints={k: v for one in earlier for k, v in one.checkpoints.items()},
        began=began,
    )


def _known(run_folder: RunFolder, scope: Scope) -> set[bytes]:
    """Returns the ids that have a row: all of them, where ids need no vocabulary."""
    if scope.kind != "vocabulary":
        return set(scope.tokens)
    files = [
        path
        for root in (run_folder.artifacts, run_folder.serving)
        for path in root.rglob(scope.table)
        if path.is_file()
    ]
    return {
        line
        for file in files
        for line in file.read_bytes().split(b"\n")
        if line in scope.tokens
    }


def _bury(run_folder: RunFolder, scope: Scope) -> None:
    """Writes the tombstones, unless they are there."""
    serving = str(run_folder.serving)
    before = load_tombstones(serving)
    after = (before or Tombstones()).with_tokens(
        scope.table, scope.columns, scope.tokens, scope.distinctive
    )
    if after != before:
        after.save(serving)


def _expect_changes(run: Run, run_folder: RunFolder) -> None:
    """Lets spans that were trained on have other raw data, without the ids."""
    serving = str(run_folder.serving)
    state = load_state(serving, run.name)
    spans = {one.span for trained in state.runs for one in trained.plan.train}
    if not spans <= set(state.erased):
        erased = tuple(sorted({*state.erased, *spans}))
        state.model_copy(update={"erased": erased}).save(serving)


def _record(folder: Path, copy: Path, *, is_resumed: bool) -> None:
    """Lets an output that is about to change be reused as it will be."""
    record_rewritten(str(folder), str(copy), is_resumed=is_resumed)


def _rewrite_metadata(run_folder: RunFolder, scope: Scope, work: Work) -> None:
    """Lets ML Metadata name no id, and tell what is gone."""
    file, blackening = run_folder.metadata, Blackening(scope)
    if not file.exists() or not work.has_changed:
        return
    if work.is_dry_run:
        if holds_any(file, scope.distinctive):
            work.tell(Touched(path=file.name, outcome="redacted"))
        return
    texts = rewrite_records(
        sqlite_connection(file),
        text=lambda text: "\n".join(map(blackening.of, text.split("\n"))),
        removed={place_of(path) for path in work.removed},
    )
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("vacuum")  # what was overwritten is in the file until then
    why = f"{texts} texts blackened; it tells what is gone"
    work.tell(Touched(path=file.name, outcome="rewritten", why=why))


def _notes(run_folder: RunFolder, scope: Scope, report: ErasureReport) -> Iterable[str]:
    if report.resumed:
        yield "An earlier call did not come to its end: this one did what was left."
    elif unknown := report.ids - report.known:
        yield f"{unknown} of {report.ids} ids have no row in any vocabulary."
    if scope.kind in _KINDS:
        yield _KINDS[scope.kind].format(scope.table)
    if scope.common:
        yield (
            f"{len(scope.common)} ids are too plain to be told from other text and "
            f"numbers: they were looked for in the columns "
            f"{', '.join(sorted(scope.columns))} and in lines that name one of them."
        )
    yield _AT_THE_SOURCE.format(run_folder.serving.name)
    yield _ELSEWHERE
    yield _LEARNT


def _left(outputs: RunOutputs, scope: Scope) -> list[str]:
    """Returns where an id still is, after looking at everything again."""
    report = _new_report(outputs.folder, scope, True, ())
    again = Work(outputs.folder.root, report, lambda *_: None, lambda touched: None)
    _changes(KeptOutputs(outputs, scope, again, have_rows=False))
    remove_counts(outputs, scope, again)
    places = [f"{one.path}: {one.change.text}" for one in again.report.touched]
    return places + files_with(outputs.folder.root, scope.distinctive)


def _finish_all(earlier: Iterable[ErasureReport], root: Path) -> None:
    """Lets the reports of erasures that were cut say that their work is done."""
    for report in earlier:
        report.model_copy(update={"finished": True}).save(root)
