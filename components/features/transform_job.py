"""The second job of the feature step: every example through the transform graph.

Batches that the first job has kept are not read again. What was written is compared
with what was read before the job ends.
"""

import os
from collections.abc import Mapping

import apache_beam as beam
import tensorflow as tf

from shardline.components.execution.beam_runners import Beam
from shardline.components.features.reading.sources import Examples
from shardline.components.features.reading.staged import Staged
from shardline.components.features.writing.outcome import Outcome, outcome_of
from shardline.components.features.writing.transform import SplitUnit, Transform
from shardline.components.readers.files import Unit, units_of


def transform(
    examples: Examples,
    graph: str,
    outputs: Mapping[str, Mapping[str, str]],
    runner: Beam,
    staging: str,
    *,
    staged: Mapping[Unit, Staged],
) -> Outcome:
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
        for unit in units_of(source.files, settings, runner.units_at_once)
    ]
    work = [
        SplitUnit(split, unit, n, staged[unit].rows if unit in staged else None)
        for n, (split, unit) in enumerate(numbered)
    ]
    report_file = os.path.join(staging, "report.json")
    with runner.pipeline() as pipeline:
        _ = (
            pipeline
            | "Units" >> beam.Create(work)
            | beam.Reshuffle()
            | Transform(settings, graph, outputs, report_file, staging)
        )
    return outcome_of(
        report_file,
        {one.number: one.unit for one in work},
        examples,
        outputs,
        list(staged.values()),
    )
