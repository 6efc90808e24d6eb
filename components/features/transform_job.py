"""The second job of the feature step: every example through the transform graph.

Batches that the first job has kept are not read again. What was written is compared
with what was read before the job ends.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow as tf

from shardline.components.execution.beam_runners import Beam
from shardline.components.execution.worker_reports import read_reports
from shardline.components.features.reading.sources import Examples
from shardline.components.features.reading.staged import Staged
from shardline.components.features.writing.sums import (
    FileSums,
    check_units,
    check_written,
    file_sums,
)
from shardline.components.features.writing.transform import (
    SplitUnit,
    Transform,
    part_name,
)
from shardline.components.readers.files import BadInput, Tally, Unit, refuse, units_of
from shardline.components.readers.files.judging.unit_reports import merge_reports


@dataclass(frozen=True)
class Transformed:
    """What the second job wrote.

    Attributes:
        examples: how many, by split.
        bad: the examples and files that were left out.
        files: what became of the rows of each file.
    """

    examples: dict[str, int]
    bad: BadInput
    files: dict[str, FileSums]


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
    reports = read_reports(report_file)
    unit_of = {one.number: one.unit for one in work}
    check_units([unit_of[done["number"]] for done in reports], list(unit_of.values()))
    bad, tally = merge_reports(reports)
    for kept in staged.values():
        bad.merge(kept.bad)
        tally.merge(kept.tally)
    files: dict[str, list[str]] = {}
    for source in examples.sources:
        files.setdefault(source.split, []).extend(source.files)
    refuse(tally, bad, files, settings)
    _remove_unfinished(outputs)
    return _written(reports, unit_of, tally, bad, outputs)


def _written(
    reports: Sequence[Mapping[str, Any]],
    unit_of: Mapping[int, Unit],
    tally: Tally,
    bad: BadInput,
    outputs: Mapping[str, Mapping[str, str]],
) -> Transformed:
    """Returns what was written, after comparing it with what was read."""
    examples: Counter[str] = Counter()
    by_file: dict[str, Counter[str]] = {}
    names: dict[str, set[str]] = {}
    for report in reports:
        examples.update(report["examples"])
        file = unit_of[report["number"]].file
        by_file.setdefault(file, Counter()).update(report["examples"])
        for split in report["examples"]:
            names.setdefault(split, set()).add(part_name(report["number"]))
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
