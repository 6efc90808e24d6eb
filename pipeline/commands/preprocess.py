"""`shardline preprocess`: the feature step alone, as one reads it on a terminal."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from shardline.components.checker.preflight import find_user_modules
from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.analysis.results import Facts
from shardline.components.features.reading.sources import (
    Examples,
    sources_below,
    sources_of_pattern,
)
from shardline.components.features.standalone import Report, preprocess_alone
from shardline.components.readers.datasets import place_of
from shardline.components.readers.files import rules_of, why_empty
from shardline.configs import ConfigError, Job
from shardline.configs.fault import Fault
from shardline.pipeline.terminal.tables import show

_ALL = "all"


def examples_of(job: Job, inputs: Sequence[str], downloads: Path) -> Examples:
    """Returns what to read.

    Args:
        job: the configuration.
        inputs: patterns of files, all of which are one split; else the data section
            says where the files and splits are.
        downloads: where a fetched data package is kept.

    Raises:
        ConfigError: if the data section names no files.
        BadInputError: if nothing matches a pattern.
        ValueError: if a file system refuses, or a file is in two splits.
        DatasetError: if the data cannot be had.
    """
    if job.data.files is None:
        message = (
            f"examples come from reader `{job.data.reader}`, which the whole pipeline "
            "runs; preprocessing alone reads files. Give `data.files`."
        )
        raise ConfigError(Fault(("data", "reader"), message, who="data"))
    rules = rules_of(job.data, job)
    with _tensorflow_errors_in_a_line():
        if inputs:
            found = [s for i in inputs for s in sources_of_pattern(i, _ALL)]
            return Examples(tuple(found), rules.of_split(_ALL))
        path = place_of(job.data, downloads)
        patterns = job.data.files.splits.items()
        sources = [s for split, p in patterns for s in sources_below(path, split, p)]
        return Examples(tuple(sources), rules)


def run_preprocess(
    job: Job,
    examples: Examples,
    console: Console,
    *,
    output: str,
    runner: str,
    options: Sequence[str],
    forms: Sequence[str],
    cache: str | None,
    graph: str | None,
) -> None:
    """Runs the job and prints what became of it.

    Args:
        job: the configuration.
        examples: what to read.
        console: to print to.
        output: folder of results.
        runner: one of `components.execution.beam_runners.RUNNERS`.
        options: of Beam and the runner.
        forms: "tfrecord", "parquet" or both.
        cache: folder where counts of spans are kept.
        graph: folder of a transform graph to apply instead of analysing.

    Raises:
        OutputExistsError: if there is something at `output`.
        BadInputError: if something in the files is bad and not to be skipped.
        ValueError: if there is no such runner, or no example.
    """
    find_user_modules()
    where = beam_runner(runner, options)
    files = sum(len(source.files) for source in examples.sources)
    console.print(f"Preprocessing {files} files with {len(job.features)} features")
    start = time.monotonic()
    with console.status(""), _tensorflow_errors_in_a_line():
        report = preprocess_alone(
            examples,
            job.preprocessing(job.data.target),
            where,
            output=output,
            forms=forms,
            cache=cache,
            graph=graph,
        )
    _print(report, console, output, time.monotonic() - start)
    for split in sorted(examples.splits):
        if not report.examples.get(split):
            told = f"Split '{split}' is empty. {_why_empty(examples, split)}".rstrip()
            console.print(told, style="yellow", markup=False, soft_wrap=True)


def _why_empty(examples: Examples, split: str) -> str:
    taken_out_of = examples.rules.split if split in examples.rules.held_out else split
    files = [f for s in examples.sources if s.split == taken_out_of for f in s.files]
    return why_empty(split, files, examples.rules.of_split(taken_out_of))


@contextlib.contextmanager
def _tensorflow_errors_in_a_line() -> Iterator[None]:
    """Says what a file system of TensorFlow's refuses, without a trace."""
    try:
        yield
    except tf.errors.OpError as error:
        raise ValueError(error.message.splitlines()[0]) from error


def _print(report: Report, console: Console, output: str, seconds: float) -> None:
    if report.facts and report.facts.vocabularies:
        show(_vocabularies(report.facts), console)
    for line in report.left_out:
        console.print(line, style="yellow", markup=False, soft_wrap=True)
    for damage in report.damaged:
        console.print(
            f"Counted again, for the counts in the cache are damaged: {damage}.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    if report.reused:
        console.print(f"{len(report.reused)} spans were counted before")
    told = ", ".join(f"{n:,} {split}" for split, n in sorted(report.examples.items()))
    rate = sum(report.examples.values()) / seconds
    console.print(
        f"{told} examples in {seconds:.1f} s ({rate:,.0f}/s), in {output}",
        soft_wrap=True,
        markup=False,
    )


def _vocabularies(facts: Facts) -> Table:
    table = Table(title="Vocabularies")
    for name in ("Table", "Tokens", "Distinct", "Covered lookups"):
        table.add_column(name, justify="left" if name == "Table" else "right")
    for name, known in facts.vocabularies.items():
        share = known.covered / known.tokens if known.tokens else 0.0
        table.add_row(name, f"{known.size:,}", f"{known.distinct:,}", f"{share:.2%}")
    return table
