"""The feature step, whole: two Beam jobs with the making of the graph between them.

`analyze` finds the statistics and writes the vocabularies, `transform` applies a graph;
`preprocess` is both. A folder of results is written beside its place and renamed, so
that what is there is whole.
"""

import contextlib
import os
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow as tf

from shardline.components.execution.beam_runners import Beam
from shardline.components.execution.worker_reports import read_reports
from shardline.components.features.analysis.beam_analysis import Analyze, SpanUnit
from shardline.components.features.analysis.merged import (
    Found,
    found_by,
    merged_told,
    vocabulary_statistics,
)
from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.analysis.summary import statistics_of
from shardline.components.features.graph.derived_graph import (
    DERIVED,
    write_derived_graph,
)
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.reading.sources import Examples
from shardline.components.features.reading.spans import Span, spans_of
from shardline.components.features.reading.staged import Staged
from shardline.components.features.writing.sums import (
    FileSums,
    check_derived,
    check_same,
    check_units,
    check_written,
    file_sums,
)
from shardline.components.features.writing.transform import (
    SplitUnit,
    Transform,
    part_name,
)
from shardline.components.readers.files import (
    BadInput,
    Tally,
    Unit,
    refuse,
    units_of,
    why_empty,
)
from shardline.configs.schema import Preprocessing

_VOCABULARIES = "vocabularies"


@dataclass(frozen=True)
class Analysis:
    """What the first job found.

    Attributes:
        statistics: of the training examples.
        bad: examples and files that were left out.
        reused: spans whose counts were in the cache.
        staged: units whose batches are kept.
        damaged: what was wrong with counts in the cache, which were made again.
        read: of the analysed split, by file.
        values: given to count, by table of a vocabulary.
    """

    statistics: FeatureStatistics
    bad: BadInput
    reused: tuple[str, ...]
    staged: dict[Unit, Staged]
    damaged: tuple[str, ...]
    read: dict[str, int]
    values: dict[str, int]


@dataclass(frozen=True)
class Transformed:
    """What the second job wrote.

    Attributes:
        examples: by split.
        bad: examples and files that were left out.
        files: what became of the rows of each.
    """

    examples: dict[str, int]
    bad: BadInput
    files: dict[str, FileSums]


def preprocess(
    examples: Examples,
    preprocessing: Preprocessing,
    runner: Beam,
    *,
    graph: str,
    outputs: Mapping[str, Mapping[str, str]],
    cache: str | None = None,
) -> tuple[Analysis, Transformed]:
    """Analyses one split, makes the transform graph, and transforms all splits.

    Args:
        examples: the files, of which one split is analysed.
        preprocessing: the features, numbers and tables to preprocess.
        runner: where to run.
        graph: folder to write the transform graph to.
        outputs: by format ("tfrecord", "parquet"), the folder of each split.
        cache: folder where counts of spans are kept; None keeps none.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if not every row that is in the files came out.
        ValueError: if a source has no file, or there is no example to analyse.
    """
    with staging_folder(graph) as staging:
        analysis = analyze(
            examples, preprocessing, runner, staging, cache=cache, keep_batches=True
        )
        vocabularies = os.path.join(staging, _VOCABULARIES)
        derived = os.path.join(staging, DERIVED)
        write_transform_graph(
            graph, preprocessing, analysis.statistics, vocabularies, derived
        )
        transformed = transform(
            examples, graph, outputs, runner, staging, staged=analysis.staged
        )
    check_same(analysis.read, transformed.files, examples.settings.split)
    return analysis, transformed


def analyze(
    examples: Examples,
    preprocessing: Preprocessing,
    runner: Beam,
    folder: str,
    *,
    cache: str | None = None,
    keep_batches: bool = False,
) -> Analysis:
    """Finds what preprocessing needs to know of the training examples.

    Args:
        examples: the files, of which one split is analysed.
        preprocessing: the features, numbers and tables to preprocess.
        runner: where to run.
        folder: to write `vocabularies/<table>` to.
        cache: folder where counts of spans are kept; None keeps none.
        keep_batches: whether `transform` will follow, with the same folder.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if not every row was counted.
        ValueError: if there is no example to analyse.
    """
    tf.io.gfile.makedirs(os.path.join(folder, _VOCABULARIES))
    seen = None
    if preprocessing.derived:
        # What its analyzers find depends on all spans, and so do counts.
        cache = None
        derived = os.path.join(folder, DERIVED)
        seen = write_derived_graph(derived, examples, preprocessing.derived, runner)
    spans = list(spans_of(examples, preprocessing, cache or folder))
    try:
        work = _count(
            examples, spans, preprocessing, runner, folder, keep_batches=keep_batches
        )
        told = {span.name: span.summaries() for span in spans}
        found = _found(examples, preprocessing, folder, spans, told, work)
        check_derived(seen, found.summary.examples)
        for span in spans:
            span.keep()
    finally:
        for span in spans:
            span.remove()
    if not found.summary.examples:
        raise ValueError(_nothing_to_analyse(examples, found.bad))
    new = [span for span in spans if keep_batches and not span.is_counted]
    return Analysis(
        statistics_of(found.summary, found.vocabularies, preprocessing),
        found.bad,
        tuple(span.name for span in spans if span.is_counted),
        _staged(unit for span in new for unit in told[span.name]),
        tuple(span.damage for span in spans if span.damage),
        found.read,
        found.values,
    )


def _staged(told: Iterable[Mapping[str, Any]]) -> dict[Unit, Staged]:
    """Returns what is kept of units, by what each told."""
    return {
        Unit(*unit["unit"]): Staged(
            unit["rows"], BadInput(**unit["bad"]), Tally(**unit["tally"])
        )
        for unit in told
    }


def _found(
    examples: Examples,
    preprocessing: Preprocessing,
    folder: str,
    spans: Sequence[Span],
    told: Mapping[str, Sequence[Mapping[str, Any]]],
    work: Sequence[Unit],
) -> Found:
    """Returns what was found in all spans, if it is all that there is."""
    new = [unit for s in spans if not s.is_counted for unit in told[s.name]]
    check_units([Unit(*unit["unit"]) for unit in new], work)
    return found_by(
        [unit for span in spans for unit in told[span.name]],
        [file for span in spans for file in span.files],
        examples.settings,
        vocabulary_statistics(preprocessing, os.path.join(folder, _VOCABULARIES)),
    )


def _count(
    examples: Examples,
    spans: Sequence[Span],
    preprocessing: Preprocessing,
    runner: Beam,
    folder: str,
    *,
    keep_batches: bool,
) -> list[Unit]:
    """Counts the spans that are not counted yet, and writes all vocabularies.

    Returns:
        The units of work that were to be counted.
    """
    new = {span.name: span for span in spans if not span.is_counted}
    for span in new.values():
        tf.io.gfile.makedirs(span.written)
    work = [
        SpanUnit(new[source.span].written, unit)
        for source in examples.analysed
        if source.span in new
        for unit in units_of(source.files, examples.settings, runner.workers)
    ]
    analysis = Analyze(
        examples.settings,
        preprocessing,
        vocabularies=os.path.join(folder, _VOCABULARIES),
        known=[known for span in spans if span.is_counted for known in span.counts()],
        staging=folder if keep_batches else None,
        derived=os.path.join(folder, DERIVED) if preprocessing.derived else None,
    )
    with runner.pipeline() as pipeline:
        _ = pipeline | "Units" >> beam.Create(work) | beam.Reshuffle() | analysis
    return [unit for _, unit in work]


def _nothing_to_analyse(examples: Examples, bad: BadInput) -> str:
    files = [file for source in examples.analysed for file in source.files]
    split = examples.settings.split
    why = "\n".join(bad.lines()) or why_empty(split, files, examples.settings)
    return (
        f"No example to analyse in split '{split}': {len(files)} files were read. "
        f"{why or 'Check the pattern of files.'}"
    )


def transform(
    examples: Examples,
    graph: str,
    outputs: Mapping[str, Mapping[str, str]],
    runner: Beam,
    staging: str,
    *,
    staged: Mapping[Unit, Staged],
) -> Transformed:
    """Transforms every example with a graph that is there.

    Args:
        examples: the files.
        graph: folder of the transform graph.
        outputs: by format ("tfrecord", "parquet"), the folder of each split.
        runner: where to run.
        staging: folder for what lies between jobs.
        staged: from `analyze`; units that it has not read are read now.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if not every row that was read was written.
    """
    settings = examples.settings
    for folders in outputs.values():
        for folder in folders.values():
            tf.io.gfile.makedirs(folder)
    numbered = [
        (source.split, unit)
        for source in examples.sources
        for unit in units_of(source.files, settings, runner.workers)
    ]
    work = [
        SplitUnit(split, unit, n, staged[unit].rows if unit in staged else None)
        for n, (split, unit) in enumerate(numbered)
    ]
    report = os.path.join(staging, "report.json")
    with runner.pipeline() as pipeline:
        _ = (
            pipeline
            | "Units" >> beam.Create(work)
            | beam.Reshuffle()
            | Transform(settings, graph, outputs, report, staging)
        )
    told = read_reports(report)
    work_of = {one.number: one.unit for one in work}
    check_units([work_of[unit["number"]] for unit in told], list(work_of.values()))
    bad, tally = merged_told(told)
    for kept in staged.values():
        bad.merge(kept.bad)
        tally.merge(kept.tally)
    files: dict[str, list[str]] = {}
    for source in examples.sources:
        files.setdefault(source.split, []).extend(source.files)
    refuse(tally, bad, files, settings)
    _remove_unfinished(outputs)
    return _written(told, work_of, tally, bad, outputs)


def _written(
    told: Sequence[Mapping[str, Any]],
    work: Mapping[int, Unit],
    tally: Tally,
    bad: BadInput,
    outputs: Mapping[str, Mapping[str, str]],
) -> Transformed:
    """Returns what was written, if it is what was read."""
    examples: Counter[str] = Counter()
    by_file: dict[str, Counter[str]] = {}
    names: dict[str, set[str]] = {}
    for unit in told:
        examples.update(unit["examples"])
        file = work[unit["number"]].file
        by_file.setdefault(file, Counter()).update(unit["examples"])
        for split in unit["examples"]:
            names.setdefault(split, set()).add(part_name(unit["number"]))
    sums = file_sums(by_file, tally, by_file)
    check_written(outputs, names)
    return Transformed(dict(examples), bad, sums)


def _remove_unfinished(outputs: Mapping[str, Mapping[str, str]]) -> None:
    """Removes what a worker that died has left; readers take all files of a folder."""
    for folders in outputs.values():
        for folder in folders.values():
            for name in tf.io.gfile.listdir(folder):
                if name.startswith("."):
                    tf.io.gfile.remove(os.path.join(folder, name))


@contextlib.contextmanager
def staging_folder(beside: str) -> Iterator[str]:
    """Gives a folder beside another one, and removes it in the end."""
    folder = f"{beside.rstrip('/')}.{uuid.uuid4().hex}"
    tf.io.gfile.makedirs(folder)
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
