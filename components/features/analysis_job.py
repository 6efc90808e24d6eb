"""The first job of the feature step: the statistics of the training examples.

It counts the spans of training files that no earlier job has counted, writes the
vocabularies, and keeps the batches it has read for the second job.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow as tf

from shardline.components.execution.beam_runners import Beam
from shardline.components.features.analysis.beam_analysis import (
    Analyze,
    LivingCounts,
    SpanUnit,
)
from shardline.components.features.analysis.merged_counts import (
    MergedCounts,
    living_changes,
    living_tables,
    merge_counts,
    vocabulary_statistics,
)
from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.analysis.summary import statistics_of
from shardline.components.features.graph.derived_graph import (
    DERIVED,
    write_derived_graph,
)
from shardline.components.features.living.counting import (
    Counting,
    counting_of_spans,
)
from shardline.components.features.reading.sources import Examples
from shardline.components.features.reading.spans import Span, spans_of
from shardline.components.features.reading.staged import Staged
from shardline.components.features.writing.sums import check_derived, check_units
from shardline.components.readers.files import (
    BadInput,
    LostRowsError,
    Tally,
    Unit,
    units_of,
    why_empty,
)
from shardline.configs.schema import Preprocessing

VOCABULARIES = "vocabularies"


@dataclass(frozen=True)
class Analysis:
    """What the first job found.

    Attributes:
        statistics: the statistics of the training examples.
        bad: the examples and files that were left out.
        reused: names of spans whose counts were in the cache.
        staged: the units of work whose batches are kept.
        damaged: what was wrong with counts in the cache, which were counted again.
        read: how many examples of the analysed split were read, by file.
        values: how many were given to count, by table of a vocabulary.
    """

    statistics: FeatureStatistics
    bad: BadInput
    reused: tuple[str, ...]
    staged: dict[Unit, Staged]
    damaged: tuple[str, ...]
    read: dict[str, int]
    values: dict[str, int]


def analyze(
    examples: Examples,
    preprocessing: Preprocessing,
    runner: Beam,
    folder: str,
    *,
    cache: str | None = None,
    keep_batches: bool = False,
    counting: Counting | None = None,
) -> Analysis:
    """Finds what preprocessing needs to know of the training examples.

    Args:
        examples: the files, of which one split is analysed.
        preprocessing: the features, numbers and tables to preprocess.
        runner: where to run.
        folder: the folder to write `vocabularies/<table>` to.
        cache: folder where counts of spans are kept; None keeps none.
        keep_batches: whether `transform` will follow, with the same folder.
        counting: the spans that are counted into vocabularies that live; None: they
            begin, with all spans.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if not every row was counted, or a span is not there.
        ValueError: if there is no example to analyse.
    """
    tf.io.gfile.makedirs(os.path.join(folder, VOCABULARIES))
    derived_examples = None
    if preprocessing.derived:
        # What its analyzers find depends on all spans, and so do counts.
        cache = None
        derived = os.path.join(folder, DERIVED)
        derived_examples = write_derived_graph(
            derived, examples, preprocessing.derived, runner
        )
    spans = list(spans_of(examples, preprocessing, cache or folder))
    living = _living(spans, counting)
    with contextlib.ExitStack() as stack:
        for span in spans:
            stack.enter_context(span.held())
        work = _count(
            examples,
            spans,
            preprocessing,
            runner,
            folder,
            keep_batches=keep_batches,
            living=living,
        )
        reports = {span.name: span.reports() for span in spans}
        merged = _merged(examples, preprocessing, folder, spans, reports, work, living)
        check_derived(derived_examples, merged.summary.examples)
        for span in spans:
            span.keep()
    if not merged.summary.examples:
        raise ValueError(_nothing_to_analyse(examples, merged.bad))
    new = [span for span in spans if keep_batches and not span.is_counted]
    changes = living_changes(preprocessing, os.path.join(folder, VOCABULARIES))
    statistics = statistics_of(merged.summary, merged.vocabularies, preprocessing)
    return Analysis(
        statistics.model_copy(update={"living": changes}),
        merged.bad,
        tuple(span.name for span in spans if span.is_counted),
        _staged(report for span in new for report in reports[span.name]),
        tuple(span.damage for span in spans if span.damage),
        merged.read,
        merged.values,
    )


def _living(spans: Sequence[Span], counting: Counting | None) -> LivingCounts:
    """Returns where the counts lie that go into vocabularies that live."""
    counting = counting or counting_of_spans(span.name for span in spans)
    folders = {span.name: span.folder for span in spans}
    if missing := sorted(counting.ages.keys() - folders):
        raise LostRowsError(
            f"Span {missing[0]} is to be counted into the vocabularies, and the "
            f"examples hold {', '.join(folders) or 'none'}."
        )
    ages = {folders[name]: age for name, age in counting.ages.items()}
    return LivingCounts(counting, ages)


def _staged(reports: Iterable[Mapping[str, Any]]) -> dict[Unit, Staged]:
    """Returns what is kept of each unit of work, by its report."""
    return {
        Unit(*report["unit"]): Staged(
            report["rows"], BadInput.from_json(report["bad"]), Tally(**report["tally"])
        )
        for report in reports
    }


def _merged(
    examples: Examples,
    preprocessing: Preprocessing,
    folder: str,
    spans: Sequence[Span],
    reports: Mapping[str, Sequence[Mapping[str, Any]]],
    work: Sequence[Unit],
    living: LivingCounts,
) -> MergedCounts:
    """Returns the counts of all spans, once it is clear that no unit is missing."""
    new = [report for s in spans if not s.is_counted for report in reports[s.name]]
    check_units([Unit(*report["unit"]) for report in new], work)
    return merge_counts(
        [report for span in spans for report in reports[span.name]],
        [file for span in spans for file in span.files],
        examples.settings,
        vocabulary_statistics(preprocessing, os.path.join(folder, VOCABULARIES)),
        [
            report
            for span in spans
            if not living_tables(preprocessing) or span.name in living.counting.ages
            for report in reports[span.name]
        ],
    )


def _count(
    examples: Examples,
    spans: Sequence[Span],
    preprocessing: Preprocessing,
    runner: Beam,
    folder: str,
    *,
    keep_batches: bool,
    living: LivingCounts,
) -> list[Unit]:
    """Counts the spans that are not counted yet, and writes all vocabularies.

    Returns:
        The units of work that were to be counted.
    """
    new = {span.name: span for span in spans if not span.is_counted}
    work = [
        SpanUnit(new[source.span].written, unit)
        for source in examples.analysed
        if source.span in new
        for unit in units_of(source.files, examples.settings, runner.units_at_once)
    ]
    analysis = Analyze(
        examples.settings,
        preprocessing,
        vocabularies=os.path.join(folder, VOCABULARIES),
        known=[known for span in spans if span.is_counted for known in span.counts()],
        counting=living,
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
