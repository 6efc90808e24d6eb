"""`shardline evaluate`: how well a published model's scores fit labelled files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from shardline.configs import Job, load_job
from shardline.configs.schema import Evaluation
from shardline.pipeline.commands.console import console, failing_on, load, print_line
from shardline.pipeline.commands.options import (
    Configuration,
    Files,
    ModelFolder,
    ModelVersion,
    OutputDir,
    PrintJson,
    refuse_existing,
    refused_if_remote,
)
from shardline.pipeline.commands.score import serving_folder_of
from shardline.pipeline.commands.temporary_folder import temporary_folder_removed
from shardline.pipeline.runners.interruption import children_end_first
from shardline.pipeline.terminal.native_output import stderr_held_back
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.components.contracts.spans.comparison import Measured
    from shardline.components.scorer.judging import Judgement


def evaluate(
    config: Configuration,
    inputs: Files,
    version: ModelVersion = None,
    model: ModelFolder = None,
    output_dir: OutputDir = None,
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN",
            help="A column by whose values metrics are shown, too. Can be repeated. "
            "Default: evaluation.slices.",
        ),
    ] = None,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How many resamples the confidence intervals are of; 0: none are "
            "computed. Default: evaluation.bootstrap.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            callback=refused_if_remote, help="Also write the result to this JSON file."
        ),
    ] = None,
    as_json: PrintJson = False,
) -> None:
    """Judge the newest published model, or another version, on labelled files.

    The exit code is 0 if it was judged, whatever the metrics are, and 1 if not.
    """
    job = load(config, load_job)
    with (
        failing_on(OSError, RuntimeError, ValueError),
        stderr_held_back(),
        temporary_folder_removed(),
        children_end_first(),
    ):
        if output is not None:
            _refuse_output(output)
        judgement = _judge(
            job,
            inputs,
            serving_folder_of(job, model, output_dir),
            version,
            _evaluation(job, slices, bootstrap),
        )
        text = judgement.as_json()
        # Printed first: what took long is seen even if the disk is full.
        if as_json:
            print(text)
        else:
            _show(judgement)
        if output is not None:
            _write(output, f"{text}\n")


def _refuse_output(path: Path) -> None:
    """Refuses, before anything is read, what could not be written at the end."""
    refuse_existing(path)
    if not path.parent.is_dir():
        raise ValueError(
            f"{path} cannot be written: there is no folder {path.parent}. Make it, or "
            "give another file by `--output`."
        )


def _write(path: Path, text: str) -> None:
    """Writes a file that appears whole or not at all, and over no other."""
    from shardline.components.contracts.text_file import write_text

    _refuse_output(path)
    write_text(str(path.parent), path.name, text)


def _evaluation(
    job: Job, slices: list[str] | None, bootstrap: int | None
) -> Evaluation:
    """Returns what the configuration says, with what the user says instead."""
    evaluation = job.evaluation or Evaluation(min_auc=0)
    changes = {
        "slices": tuple(dict.fromkeys(slices)) if slices else None,
        "bootstrap": bootstrap,
    }
    told = {key: value for key, value in changes.items() if value is not None}
    return evaluation.model_copy(update=told)


def _judge(
    job: Job,
    inputs: list[str],
    folder: str,
    number: int | None,
    evaluation: Evaluation,
) -> "Judgement":
    from shardline.components.checker.preflight import find_user_modules
    from shardline.components.features.reading.job_examples import (
        tensorflow_errors_as_value_errors,
    )
    from shardline.components.scorer.inputs import labelled_examples
    from shardline.components.scorer.judging import judge_files
    from shardline.components.scorer.model import published_version

    find_user_modules()
    version = published_version(folder, number)
    by = [*evaluation.slices, *filter(None, [evaluation.group_by])]
    examples = labelled_examples(job, inputs, by)
    with console.status(""), tensorflow_errors_as_value_errors():
        return judge_files(
            examples, job.feature_set, job.data.target, evaluation, version
        )


def _show(judgement: "Judgement") -> None:
    from shardline.components.comparison.shown import METRIC_NAMES

    for line in judgement.left_out:
        print_line(line, "yellow")
    rows = [(result, judgement.metrics(result)) for result in judgement.slices]
    names = list(dict.fromkeys(name for _, metrics in rows for name in metrics))
    table = Table(title=f"Version {judgement.version.number}")
    table.add_column("Rows of")
    for name in ("Rows", "Positive", *(METRIC_NAMES.get(n, n) for n in names)):
        table.add_column(name[:1].upper() + name[1:], justify="right")
    undefined: dict[str, list[str]] = {}
    for result, metrics in rows:
        cells = [_cell(metrics.get(name)) for name in names]
        counts = f"{result.examples:,}", f"{result.positives:,.6g}"
        table.add_row(result.name, *counts, *cells)
        for name, measured in metrics.items():
            if measured.undefined:
                why = f"{result.name}: {measured.undefined}"
                undefined.setdefault(why, []).append(METRIC_NAMES.get(name, name))
    print_table(table, console)
    for why, metrics_without in undefined.items():
        print_line(f"No {', '.join(metrics_without)} of {why}", "yellow")
    if any(m.interval for _, metrics in rows for m in metrics.values()):
        print_line("In brackets: confidence intervals of 95 %, by bootstrap")


def _cell(measured: "Measured | None") -> str:
    if measured is None or measured.value is None:
        return "-"
    if measured.interval is None:
        return f"{measured.value:.4f}"
    low, high = measured.interval.low, measured.interval.high
    return f"{measured.value:.4f}\n({low:.4f}, {high:.4f})"
