"""The feature step, whole: two Beam jobs with the making of the graph between them.

`analyze` finds the facts and writes the vocabularies, `transform` applies a graph;
`preprocess` is both. A folder of results is written beside its place and renamed, so
that what is there is whole.
"""

import contextlib
import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow as tf

from components.analysis.summary import facts_of, merged, summary_from_json
from components.features.facts import Facts, VocabularyFacts
from components.features.graph_writer import write_transform_graph
from components.files import BadInput, BadInputError, Unit, units, why_empty
from components.preprocess.analyze import Analyze, SpanUnit
from components.preprocess.derived_graph import DERIVED, write_derived_graph
from components.preprocess.runners import Beam
from components.preprocess.sources import Examples
from components.preprocess.spans import Span, spans_of
from components.preprocess.staged import Staged
from components.preprocess.transform import SplitUnit, Transform
from configs.schema import Preprocessing

_VOCABULARIES = "vocabularies"


@dataclass(frozen=True)
class Analysis:
    """What the first job found.

    Attributes:
        facts: of the training examples.
        bad: examples and files that were left out.
        reused: spans whose counts were in the cache.
        staged: units whose batches are kept.
        damaged: what was wrong with counts in the cache, which were made again.
    """

    facts: Facts
    bad: BadInput
    reused: tuple[str, ...]
    staged: dict[Unit, Staged]
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class Transformed:
    """What the second job wrote.

    Attributes:
        examples: by split.
        bad: examples and files that were left out.
    """

    examples: dict[str, int]
    bad: BadInput


def preprocess(
    examples: Examples,
    settings: Preprocessing,
    runner: Beam,
    *,
    graph: str,
    outputs: Mapping[str, Mapping[str, str]],
    cache: str | None = None,
) -> tuple[Analysis, Transformed]:
    """Analyses one split, makes the transform graph, and transforms all splits.

    Args:
        examples: the files, of which one split is analysed.
        settings: the specification.
        runner: where to run.
        graph: folder to write the transform graph to.
        outputs: by format ("tfrecord", "parquet"), the folder of each split.
        cache: folder where counts of spans are kept; None keeps none.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        ValueError: if a source has no file, or there is no example to analyse.
    """
    with staging_folder(graph) as staging:
        analysis = analyze(
            examples, settings, runner, staging, cache=cache, keep_batches=True
        )
        vocabularies = os.path.join(staging, _VOCABULARIES)
        derived = os.path.join(staging, DERIVED)
        write_transform_graph(graph, settings, analysis.facts, vocabularies, derived)
        transformed = transform(
            examples, graph, outputs, runner, staging, staged=analysis.staged
        )
    return analysis, transformed


def analyze(
    examples: Examples,
    settings: Preprocessing,
    runner: Beam,
    folder: str,
    *,
    cache: str | None = None,
    keep_batches: bool = False,
) -> Analysis:
    """Finds what preprocessing needs to know of the training examples.

    Args:
        examples: the files, of which one split is analysed.
        settings: the specification.
        runner: where to run.
        folder: to write `vocabularies/<table>` to.
        cache: folder where counts of spans are kept; None keeps none.
        keep_batches: whether `transform` will follow, with the same folder.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        ValueError: if there is no example to analyse.
    """
    tf.io.gfile.makedirs(os.path.join(folder, _VOCABULARIES))
    if settings.derived:
        # What its analyzers find depends on all spans, and so do counts.
        cache = None
        derived = os.path.join(folder, DERIVED)
        write_derived_graph(derived, examples, settings.derived, runner)
    spans = list(spans_of(examples, settings, cache or folder))
    try:
        _count(examples, spans, settings, runner, folder, keep_batches=keep_batches)
        told = {span.name: span.summaries() for span in spans}
        bad = _refuse([unit for found in told.values() for unit in found])
        for span in spans:
            span.keep()
    finally:
        for span in spans:
            span.remove()
    summary = merged(
        summary_from_json(unit["summary"]) for found in told.values() for unit in found
    )
    if not summary.examples:
        raise ValueError(_nothing_to_analyse(examples, bad))
    return Analysis(
        facts_of(summary, _vocabulary_facts(settings, folder), settings),
        bad,
        tuple(span.name for span in spans if span.is_counted),
        {
            Unit(*unit["unit"]): Staged(unit["rows"], BadInput(**unit["bad"]))
            for span in spans
            if keep_batches and not span.is_counted
            for unit in told[span.name]
        },
        tuple(span.damage for span in spans if span.damage),
    )


def _count(
    examples: Examples,
    spans: Sequence[Span],
    settings: Preprocessing,
    runner: Beam,
    folder: str,
    *,
    keep_batches: bool,
) -> None:
    """Counts the spans that are not counted yet, and writes all vocabularies."""
    new = {span.name: span for span in spans if not span.is_counted}
    for span in new.values():
        tf.io.gfile.makedirs(span.written)
    work = [
        SpanUnit(new[source.span].written, unit)
        for source in examples.analysed
        if source.span in new
        for unit in units(source.files, examples.rules, runner.workers)
    ]
    analysis = Analyze(
        examples.rules,
        settings,
        vocabularies=os.path.join(folder, _VOCABULARIES),
        known=[known for span in spans if span.is_counted for known in span.counts()],
        staging=folder if keep_batches else None,
        derived=os.path.join(folder, DERIVED) if settings.derived else None,
    )
    with runner.pipeline() as pipeline:
        _ = pipeline | "Units" >> beam.Create(work) | beam.Reshuffle() | analysis


def _nothing_to_analyse(examples: Examples, bad: BadInput) -> str:
    files = [file for source in examples.analysed for file in source.files]
    split = examples.rules.split
    why = "\n".join(bad.lines()) or why_empty(split, files, examples.rules)
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
    """
    rules = examples.rules
    for folders in outputs.values():
        for folder in folders.values():
            tf.io.gfile.makedirs(folder)
    numbered = [
        (source.split, unit)
        for source in examples.sources
        for unit in units(source.files, rules, runner.workers)
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
            | Transform(rules, graph, outputs, report, staging)
        )
    told = _read_json(report)
    bad = _refuse(told)
    for kept in staged.values():
        bad.merge(kept.bad)
    _remove_unfinished(outputs)
    written: Counter[str] = Counter()
    for unit in told:
        written.update(unit["examples"])
    return Transformed(dict(written), bad)


def _vocabulary_facts(
    settings: Preprocessing, folder: str
) -> dict[str, VocabularyFacts]:
    return {
        table: VocabularyFacts(
            **_read_json(os.path.join(folder, _VOCABULARIES, f"{table}.json"))
        )
        for table in settings.vocabularies
        if settings.ids_of(table).kind == "vocabulary"
    }


def _refuse(told: Sequence[Mapping[str, Any]]) -> BadInput:
    """Returns what was left out; raises for what may not be."""
    failures = sorted({unit["failure"] for unit in told if unit["failure"]})
    if failures:
        raise BadInputError("\n".join(failures))
    bad = BadInput("skip")
    for unit in told:
        bad.merge(BadInput(**unit["bad"]))
    return bad


def _read_json(path: str) -> Any:
    with tf.io.gfile.GFile(path) as file:
        return json.load(file)


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
