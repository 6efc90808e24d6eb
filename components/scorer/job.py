"""Batch scoring: a folder of scores that appears whole.

OUTPUT/scores/part-00000.parquet   kept columns and `score`; or part-00000.gz, TFRecord
OUTPUT/report.json                 the model, what was read, scored and left out
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence

import apache_beam as beam
import tensorflow as tf

from shardline.components.execution.beam_engines.probe import check_engine
from shardline.components.execution.beam_engines.watch import watching
from shardline.components.execution.beam_runners import Beam
from shardline.components.features.reading.sources import Examples, fingerprint
from shardline.components.features.writing.outcome import Outcome, outcome_of
from shardline.components.features.writing.output_folder import (
    make_folder,
    partial_folder,
    put_in_place,
)
from shardline.components.features.writing.sums import FileSums
from shardline.components.readers.files import LostRowsError, units_of
from shardline.components.scorer.model import Version
from shardline.components.scorer.scoring import NumberedUnit, Plan, Score
from shardline.configs.schema import FeatureSet

SCORES = "scores"
REPORT = "report.json"
FORMATS = ("parquet", "tfrecord")


@dataclasses.dataclass(frozen=True)
class ScoreReport:
    """What became of a job.

    Attributes:
        model: the serving folder.
        version: of the model.
        kept: the columns beside the score.
        rows: how many have a score.
        not_finite: how many scores are NaN or infinite.
        left_out: lines that tell of bad rows and files.
        inputs: a digest of the names, sizes and times of the files.
        files: the sums of each file, which agree.
    """

    model: str
    version: int
    kept: tuple[str, ...]
    rows: int
    not_finite: int
    left_out: list[str]
    inputs: str
    files: dict[str, FileSums]

    def save(self, folder: str) -> None:
        """Writes the report as JSON."""
        text = json.dumps(dataclasses.asdict(self), indent=2)
        with tf.io.gfile.GFile(os.path.join(folder, REPORT), "w") as file:
            file.write(text)


def score_files(
    examples: Examples,
    features: FeatureSet,
    version: Version,
    runner: Beam,
    *,
    output: str,
    kept: Sequence[str],
    file_format: str = FORMATS[0],
) -> ScoreReport:
    """Writes the score of each row, beside columns that tell which row it is.

    Args:
        examples: the files, of one split.
        features: what columns are read for.
        version: the model.
        runner: where to run.
        output: folder that must not be there yet.
        kept: the columns to write beside the score.
        file_format: one of `FORMATS`.

    Raises:
        OutputExistsError: if there is something at `output`.
        FolderHeldError: if another process writes it.
        BadInputError: if something in the files is bad and not to be skipped, or the
            model refuses a row.
        LostRowsError: if not every row that is in the files has a score.
        BeamEngineError: if the runner's workers are not fit, or it has lost the job.
        ValueError: if there is no such format, or no folder can be made.
    """
    if file_format not in FORMATS:
        raise ValueError(
            f"There is no format `{file_format}`; use one of {', '.join(FORMATS)}."
        )
    with partial_folder(output) as partial:
        if runner.is_tried_first:
            runner = watching(runner, partial)
            check_engine(runner.pipeline(), partial, __name__)
        folder = os.path.join(partial, SCORES)
        make_folder(folder)
        plan = Plan(
            version, features, examples.settings, tuple(kept), file_format, folder
        )
        inputs = _inputs(examples)
        done = _scored(examples, plan, runner, os.path.join(partial, ".report.json"))
        if _inputs(examples) != inputs:
            raise LostRowsError("The files have changed while they were read.")
        report = ScoreReport(
            model=version.folder,
            version=version.number,
            kept=plan.kept,
            rows=sum(done.examples.values()),
            not_finite=sum(unit["not_finite"] for unit in done.reports),
            left_out=done.bad.lines(),
            inputs=inputs,
            files=done.files,
        )
        put_in_place(partial, output, report.save)
    return report


def _scored(examples: Examples, plan: Plan, runner: Beam, report: str) -> Outcome:
    """Runs the Beam job, and compares its sums."""
    files = [file for source in examples.sources for file in source.files]
    settings = examples.settings
    units = dict(enumerate(units_of(files, settings, runner.units_at_once)))
    with runner.pipeline() as pipeline:
        _ = (
            pipeline
            | "Units" >> beam.Create([NumberedUnit(*item) for item in units.items()])
            | beam.Reshuffle()
            | Score(plan, report)
        )
    outputs = {plan.file_format: {settings.split: plan.folder}}
    done = outcome_of(report, units, examples, outputs)
    tf.io.gfile.remove(report)
    return done


def _inputs(examples: Examples) -> str:
    files = [file for source in examples.sources for file in source.files]
    return fingerprint(files, read_as="")
