"""`shardline preprocess`: raw examples to ids and numbers, without a pipeline."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from shardline.configs import Job, load_job
from shardline.configs.locations import absolute_location
from shardline.configs.outputs import downloads_folder
from shardline.pipeline.commands.beam_job import (
    NO_WORKER_PROCESSES,
    BeamRunner,
    NewFolder,
    job_ends_with_command,
)
from shardline.pipeline.commands.console import console, load, print_line
from shardline.pipeline.commands.options import Configuration
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.components.features.analysis.statistics import FeatureStatistics
    from shardline.components.features.standalone import StandaloneReport


def preprocess(
    context: typer.Context,
    config: Configuration,
    output: NewFolder,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="PATTERN",
            help="Files to read instead of those that the configuration names, such "
            "as data/day-*.csv. {SPAN} in the place of a number says that the data "
            "come in dated parts, which are counted one by one. Can be repeated.",
        ),
    ] = None,
    runner: BeamRunner = "direct",
    file_formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="The file format to write: tfrecord (the default) or parquet. "
            "Repeat the option to write both.",
        ),
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(
            help="A folder to keep the counts of each span in, so that the next call "
            "counts only new spans."
        ),
    ] = None,
    transform_graph: Annotated[
        str | None,
        typer.Option(
            help="A transform graph of an earlier output to apply as it is, instead "
            "of analysing the data."
        ),
    ] = None,
) -> None:
    """Turn raw examples into ids and numbers, without the rest of the pipeline."""
    job = load(config, load_job)
    with job_ends_with_command():
        _preprocess(
            job,
            inputs or [],
            output=output,
            runner=runner,
            runner_options=context.args,
            file_formats=file_formats or ["tfrecord"],
            cache=cache,
            graph=transform_graph,
        )


def _preprocess(
    job: Job,
    inputs: Sequence[str],
    *,
    output: str,
    runner: str,
    runner_options: Sequence[str],
    file_formats: Sequence[str],
    cache: str | None,
    graph: str | None,
) -> None:
    """Runs the job and prints what became of it."""
    from shardline.components.checker.preflight import find_user_modules
    from shardline.components.execution.beam_runners import beam_runner
    from shardline.components.execution.worker_processes.runner import saying_none
    from shardline.components.features.reading.job_examples import (
        examples_of_job,
        tensorflow_errors_as_value_errors,
        why_split_is_empty,
    )
    from shardline.components.features.standalone import preprocess_standalone

    examples = examples_of_job(job, inputs, downloads_folder(job.name))
    find_user_modules()
    beam = beam_runner(runner, runner_options)
    if runner != "direct":  # whose workers run in other folders
        examples = examples.absolute()
        output = absolute_location(output)
        cache = cache and absolute_location(cache)
        graph = graph and absolute_location(graph)
    files = sum(len(source.files) for source in examples.sources)
    console.print(f"Preprocessing {files} files with {len(job.features)} features")
    start = time.monotonic()
    with (
        console.status(""),
        tensorflow_errors_as_value_errors(),
        saying_none(NO_WORKER_PROCESSES),
    ):
        report = preprocess_standalone(
            examples,
            job.preprocessing(job.data.target),
            beam,
            output=output,
            file_formats=file_formats,
            cache=cache,
            graph=graph,
        )
    _print_report(report, output, time.monotonic() - start)
    for split in sorted(examples.splits):
        if not report.examples.get(split):
            why = why_split_is_empty(examples, split)
            print_line(f"Split '{split}' is empty. {why}".rstrip(), "yellow")


def _print_report(report: "StandaloneReport", output: str, seconds: float) -> None:
    if report.statistics and report.statistics.vocabularies:
        print_table(_vocabularies(report.statistics), console)
    for line in report.left_out:
        print_line(line, "yellow")
    for damage in report.damaged:
        print_line(
            f"Counted again, for the counts in the cache are damaged: {damage}.",
            "yellow",
        )
    if report.reused:
        console.print(f"{len(report.reused)} spans were counted before")
    counts = ", ".join(f"{n:,} {split}" for split, n in sorted(report.examples.items()))
    rate = sum(report.examples.values()) / seconds
    print_line(f"{counts} examples in {seconds:.1f} s ({rate:,.0f}/s), in {output}")


def _vocabularies(statistics: "FeatureStatistics") -> Table:
    table = Table(title="Vocabularies")
    for name in ("Table", "Tokens", "Distinct", "Covered lookups"):
        table.add_column(name, justify="left" if name == "Table" else "right")
    for name, known in statistics.vocabularies.items():
        share = known.covered / known.tokens if known.tokens else 0.0
        table.add_row(name, f"{known.size:,}", f"{known.distinct:,}", f"{share:.2%}")
    return table
