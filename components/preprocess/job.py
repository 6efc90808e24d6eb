"""The feature step, whole: two Beam jobs with the making of the graph between them.

`analyze` finds the facts and writes the vocabularies, `transform` applies a graph;
`preprocess` is both. A folder of results is written beside its place and renamed, so
that what is there is whole.
"""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow as tf

from components.analysis.summary import facts_of, merged, summary_from_json
from components.code_version import code_version
from components.features.facts import Facts, VocabularyFacts
from components.features.graph_writer import write_transform_graph
from components.files import BadInput, BadInputError, ReadRules, Unit, units
from components.preprocess.analyze import SUMMARY_FILE, Analyze, SpanUnit
from components.preprocess.derived_graph import DERIVED, write_derived_graph
from components.preprocess.runners import Beam
from components.preprocess.sources import Examples, fingerprint
from components.preprocess.transform import SplitUnit, Transform
from configs.schema import Preprocessing

# What a span's counts depend on beside its files and the features.
_COUNTING_CODE = ("components.analysis", "components.files", "configs")


@dataclass(frozen=True)
class Analysis:
    """What the first job found.

    Attributes:
        facts: of the training examples.
        bad: examples and files that were left out.
        reused: spans whose counts were in the cache.
        staged: units whose batches are kept, and what was left out of each.
    """

    facts: Facts
    bad: BadInput
    reused: tuple[str, ...]
    staged: dict[Unit, BadInput]


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
    vocabularies = os.path.join(folder, _VOCABULARIES)
    tf.io.gfile.makedirs(vocabularies)
    rules = examples.rules
    derived = None
    if settings.derived:
        # What its analyzers find depends on all spans, and so do counts.
        cache = None
        derived = os.path.join(folder, DERIVED)
        write_derived_graph(derived, examples, settings.derived, runner)
    spans = _spans(examples, settings, cache or folder)
    counted = [span for span in spans if tf.io.gfile.exists(span.kept)]
    missing = [span for span in spans if span not in counted]
    work = [
        SpanUnit(span.written, unit)
        for span in missing
        for unit in units(span.files, rules, runner.workers)
    ]
    for span in missing:
        tf.io.gfile.makedirs(span.written)
    try:
        with runner.pipeline() as pipeline:
            _ = (
                pipeline
                | "Units" >> beam.Create(work)
                | beam.Reshuffle()
                | Analyze(
                    rules,
                    settings,
                    vocabularies,
                    [span.kept for span in counted],
                    folder if keep_batches else None,
                    derived,
                )
            )
        told = [
            (span, _read_json(os.path.join(place, SUMMARY_FILE)))
            for span in spans
            for place in [span.kept if span in counted else span.written]
        ]
        bad = _refuse([unit for _, units_told in told for unit in units_told], rules)
        for span in missing:
            tf.io.gfile.rename(span.written, span.kept)
    finally:
        for span in missing:
            _remove(span.written)
    summary = merged(
        summary_from_json(unit["summary"]) for _, found in told for unit in found
    )
    if not summary.examples:
        raise ValueError(
            f"No example to analyse in split '{rules.split}': "
            f"{sum(len(span.files) for span in spans)} files were read. "
            + ("\n".join(bad.lines()) or "Check the pattern of files.")
        )
    facts = facts_of(summary, _vocabulary_facts(settings, vocabularies), settings)
    staged = {
        Unit(*unit["unit"]): BadInput(**unit["bad"])
        for span, found in told
        if keep_batches and span in missing
        for unit in found
    }
    return Analysis(facts, bad, tuple(span.name for span in counted), staged)


def transform(
    examples: Examples,
    graph: str,
    outputs: Mapping[str, Mapping[str, str]],
    runner: Beam,
    staging: str,
    *,
    staged: Mapping[Unit, BadInput],
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
        SplitUnit(split, unit, n, unit in staged)
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
    bad = _refuse(told, rules)
    for left_out in staged.values():
        bad.merge(left_out)
    written: dict[str, int] = {}
    for unit in told:
        for split, count in unit["examples"].items():
            written[split] = written.get(split, 0) + count
    return Transformed(written, bad)


_VOCABULARIES = "vocabularies"


@dataclass(frozen=True)
class _Span:
    """Training files that are counted together, and where their counts lie.

    Attributes:
        name: such as a day.
        files: paths.
        kept: folder of the counts once they are whole.
        written: folder that they are written to.
    """

    name: str
    files: tuple[str, ...]
    kept: str
    written: str


def _spans(examples: Examples, settings: Preprocessing, folder: str) -> list[_Span]:
    """Returns the spans of the training files, oldest first."""
    read_as = "\n".join(
        [
            repr(examples.rules),
            settings.model_dump_json(include={"features", "numbers", "derived"}),
            code_version(*_COUNTING_CODE),
        ]
    )
    files: dict[str, list[str]] = {}
    for source in examples.analysed:
        files.setdefault(source.span, []).extend(source.files)
    spans = []
    for name, paths in sorted(files.items()):
        kept = os.path.join(folder, "counts-" + fingerprint(paths, read_as=read_as))
        written = f"{kept}.{uuid.uuid4().hex}"
        spans.append(_Span(name, tuple(paths), kept, written))
    return spans


def _vocabulary_facts(
    settings: Preprocessing, folder: str
) -> dict[str, VocabularyFacts]:
    return {
        table: VocabularyFacts(**_read_json(os.path.join(folder, f"{table}.json")))
        for table in settings.vocabularies
        if settings.ids_of(table).kind == "vocabulary"
    }


def _refuse(told: Sequence[Mapping], rules: ReadRules) -> BadInput:
    """Returns what was left out; raises for what may not be."""
    failures = [unit["failure"] for unit in told if unit["failure"]]
    if failures:
        raise BadInputError("\n".join(sorted(failures)))
    bad = BadInput(rules.on_bad_example)
    for unit in told:
        bad.merge(BadInput(**unit["bad"]))
    return bad


def _read_json(path: str) -> Any:
    with tf.io.gfile.GFile(path) as file:
        return json.load(file)


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
