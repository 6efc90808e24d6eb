"""What a job has written, compared with what it read before the job ends.

Each unit of work writes one file a split, `part-00000` and so on, and one report.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from shardline.components.execution.worker_reports import read_reports
from shardline.components.features.reading.sources import Examples
from shardline.components.features.reading.staged import Staged
from shardline.components.features.writing.sums import (
    FileSums,
    check_units,
    check_written,
    file_sums,
)
from shardline.components.readers.files import BadInput, Tally, Unit, refuse
from shardline.components.readers.files.judging.unit_reports import merge_reports


@dataclass(frozen=True)
class Outcome:
    """What a job wrote.

    Attributes:
        examples: how many, by split.
        bad: the examples and files that were left out.
        files: what became of the rows of each file.
        reports: of the units of work, as they made them.
    """

    examples: dict[str, int]
    bad: BadInput
    files: dict[str, FileSums]
    reports: Sequence[Mapping[str, Any]]


def part_name(number: int) -> str:
    """Returns how the files of a unit are called, without their ending."""
    return f"part-{number:05d}"


def outcome_of(
    report_file: str,
    units: Mapping[int, Unit],
    examples: Examples,
    outputs: Mapping[str, Mapping[str, str]],
    staged: Sequence[Staged] = (),
) -> Outcome:
    """Returns what was written, if it is what was read.

    Args:
        report_file: of the units' reports, each with `number`, `examples` by split,
            `tally`, `bad` and `failure`.
        units: the units of work by their number.
        examples: the files.
        outputs: by format, the folder of each split; what workers that died have left
            there is removed.
        staged: what an earlier job has read instead of this one.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if not every row that was read was written.
    """
    reports = read_reports(report_file)
    check_units([units[done["number"]] for done in reports], list(units.values()))
    bad, tally = merge_reports(reports)
    for kept in staged:
        bad.merge(kept.bad)
        tally.merge(kept.tally)
    files: dict[str, list[str]] = {}
    for source in examples.sources:
        files.setdefault(source.split, []).extend(source.files)
    refuse(tally, bad, files, examples.settings)
    for said in examples.leftovers:
        bad.add_leftovers(said)
    _remove_unfinished(outputs)
    return _written(reports, units, tally, bad, outputs)


def _written(
    reports: Sequence[Mapping[str, Any]],
    units: Mapping[int, Unit],
    tally: Tally,
    bad: BadInput,
    outputs: Mapping[str, Mapping[str, str]],
) -> Outcome:
    examples: Counter[str] = Counter()
    by_file: dict[str, Counter[str]] = {}
    names: dict[str, set[str]] = {}
    for report in reports:
        examples.update(report["examples"])
        file = units[report["number"]].file
        by_file.setdefault(file, Counter()).update(report["examples"])
        for split in report["examples"]:
            names.setdefault(split, set()).add(part_name(report["number"]))
    sums = file_sums(by_file, tally, by_file)
    check_written(outputs, names)
    return Outcome(dict(examples), bad, sums, reports)


def _remove_unfinished(outputs: Mapping[str, Mapping[str, str]]) -> None:
    """Removes what a worker that died has left; readers take all files of a folder."""
    for folders in outputs.values():
        for folder in folders.values():
            for name in tf.io.gfile.listdir(folder):
                if name.startswith("."):
                    tf.io.gfile.remove(os.path.join(folder, name))
