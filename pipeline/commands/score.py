"""`shardline score`: a published model's scores of files of rows."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shardline.configs import Job, load_job
from shardline.configs.locations import absolute_location
from shardline.pipeline.commands.beam_job import (
    NO_WORKER_PROCESSES,
    BeamRunner,
    NewFolder,
    job_ends_with_command,
)
from shardline.pipeline.commands.console import console, load, print_line
from shardline.pipeline.commands.options import (
    Configuration,
    Files,
    ModelFolder,
    ModelVersion,
    OutputDir,
)
from shardline.pipeline.run_folder import run_folder_of

if TYPE_CHECKING:
    from shardline.components.scorer.job import ScoreReport


def score(
    context: typer.Context,
    config: Configuration,
    inputs: Files,
    output: NewFolder,
    version: ModelVersion = None,
    model: ModelFolder = None,
    output_dir: OutputDir = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A column to write beside the score, which tells what it is the score "
            "of. Can be repeated. Default: the columns of features with one id.",
        ),
    ] = None,
    file_format: Annotated[
        str,
        typer.Option("--format", help="The file format to write: parquet or tfrecord."),
    ] = "parquet",
    runner: BeamRunner = "direct",
) -> None:
    """Score files of rows with the newest published model, or another version.

    Rows need no label. As many rows get a score as there are, or it is an error.
    """
    job = load(config, load_job)
    with job_ends_with_command():
        _score(
            job,
            inputs,
            folder=serving_folder_of(job, model, output_dir),
            number=version,
            output=output,
            keep=keep or [],
            file_format=file_format,
            runner=runner,
            # What stands after `--`, which is no pattern of files.
            runner_options=context.args,
        )


def serving_folder_of(job: Job, model: str | None, output_dir: Path | None) -> str:
    """Returns the folder of the published models to ask.

    Args:
        job: the configuration.
        model: the folder that the user names, if any.
        output_dir: the run folder, if it is not `runs/<name>`.
    """
    return model or str(run_folder_of(job.name, output_dir).serving)


def _score(
    job: Job,
    inputs: Sequence[str],
    *,
    folder: str,
    number: int | None,
    output: str,
    keep: Sequence[str],
    file_format: str,
    runner: str,
    runner_options: Sequence[str],
) -> None:
    """Runs the job and prints what became of it."""
    from shardline.components.checker.preflight import find_user_modules
    from shardline.components.execution.beam_runners import beam_runner
    from shardline.components.execution.worker_processes.runner import saying_none
    from shardline.components.features.reading.job_examples import (
        tensorflow_errors_as_value_errors,
    )
    from shardline.components.scorer.inputs import examples_to_score
    from shardline.components.scorer.job import score_files
    from shardline.components.scorer.kept_columns import kept_columns
    from shardline.components.scorer.model import published_version

    kept = kept_columns(job, keep)
    version = published_version(folder, number)
    examples = examples_to_score(job, inputs, kept)
    find_user_modules()
    beam = beam_runner(runner, runner_options)
    if runner != "direct":  # whose workers run in other folders
        examples, version = examples.absolute(), version.absolute()
        output = absolute_location(output)
    files = sum(len(source.files) for source in examples.sources)
    console.print(f"Scoring {files} files with version {version.number}")
    start = time.monotonic()
    with (
        console.status(""),
        tensorflow_errors_as_value_errors(),
        saying_none(NO_WORKER_PROCESSES),
    ):
        report = score_files(
            examples,
            job.feature_set,
            version,
            beam,
            output=output,
            kept=kept,
            file_format=file_format,
        )
    _print_report(report, output, time.monotonic() - start)


def _print_report(report: "ScoreReport", output: str, seconds: float) -> None:
    for line in report.left_out:
        print_line(line, "yellow")
    if report.not_finite:
        print_line(
            f"{report.not_finite:,} scores are NaN or infinite. See what training said "
            "of this version, and score with another one.",
            "yellow",
        )
    rate = report.rows / seconds
    print_line(
        f"{report.rows:,} rows scored in {seconds:.1f} s ({rate:,.0f}/s), in {output}, "
        f"with {', '.join(report.kept)}"
    )
