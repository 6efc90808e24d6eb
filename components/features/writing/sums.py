"""Sums that must agree: rows in the files, analysed and written, and values counted.

Each comes by a way of its own: rows of a file from its own account or its reader, rows
analysed from the summaries of units, rows written from the writers, and values of a
vocabulary from its counts, which another path of the job carries than the number of
values that were given to count.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from shardline.components.features.analysis.statistics import VocabularyStatistics
from shardline.components.readers.files import LostRowsError, Tally, Unit


@dataclass(frozen=True)
class FileSums:
    """What became of the rows of a file.

    Attributes:
        rows: read, good and bad.
        left_out: the bad ones.
        read: the good ones, by split.
        written: the rows written, by split.
    """

    rows: int
    left_out: int
    read: dict[str, int]
    written: dict[str, int]


@dataclass(frozen=True)
class Sums:
    """The sums of a job, which agree.

    Attributes:
        files: the sums of each file, by its location.
        analysed: examples that the statistics are of; None where a graph was given.
        values: by table of a vocabulary, the values that its counts sum up to.
    """

    files: dict[str, FileSums]
    analysed: int | None = None
    values: dict[str, int] = field(default_factory=dict)


def check_units(reported: Iterable[Unit], work: Collection[Unit]) -> None:
    """Checks that each unit of work has reported once.

    Args:
        reported: the units that have.
        work: the units that had to.

    Raises:
        LostRowsError: if one has not, or has reported twice.
    """
    counts, wanted = Counter(reported), set(work)
    wrong = [unit for unit in {*wanted, *counts} if counts[unit] != (unit in wanted)]
    if wrong:
        first = min(wrong)
        raise LostRowsError(
            f"{len(wrong)} of {len(work)} units of work are lost or were done twice, "
            f"such as part {first.part + 1} of {first.parts} of {first.file}, which "
            f"told {counts[first]} times what it read."
        )


def check_analysed(
    reports: Sequence[Mapping[str, Any]], split: str, examples: int
) -> None:
    """Checks that all rows of the analysed split are in the summary.

    Args:
        reports: the reports of units of work.
        split: the one that is analysed.
        examples: how many the summary holds.

    Raises:
        LostRowsError: if it is not what the files gave.
    """
    for report in reports:
        file, rows = report["unit"][0], report["rows"]
        given = report["tally"]["given"].get(file, {})
        _check_equal(file, "read", given, "analysed or kept", rows)
    read = sum(report["rows"].get(split, 0) for report in reports)
    if read != examples:
        raise LostRowsError(
            f"{read:,} examples of split '{split}' were read and {examples:,} analysed."
        )


def check_derived(derived_examples: int | None, examples: int) -> None:
    """Checks that the analyzers of the user's own function have seen all examples.

    Args:
        derived_examples: how many they have seen; None if there are no analyzers.
        examples: how many were analysed.

    Raises:
        LostRowsError: if they have not.
    """
    if derived_examples is not None and derived_examples != examples:
        raise LostRowsError(
            f"{examples:,} examples were analysed, and the analyzers of "
            f"`derived.function` have seen {derived_examples:,}."
        )


def check_vocabularies(
    reports: Iterable[Mapping[str, Any]], statistics: Mapping[str, VocabularyStatistics]
) -> dict[str, int]:
    """Checks that the counts of each vocabulary sum up to what was given to count.

    Args:
        reports: the reports of units of work.
        statistics: the statistics of the vocabularies that were written, by table.

    Returns:
        The values of each table.

    Raises:
        LostRowsError: if they do not.
    """
    given: Counter[str] = Counter()
    for report in reports:
        given.update(report["tokens"])
    for table, known in statistics.items():
        if known.tokens != given[table]:
            raise LostRowsError(
                f"Table `{table}`: {given[table]:,} values were given to count, and "
                f"the frequencies of its vocabulary sum up to {known.tokens:,}: the "
                f"runner has lost or doubled counts."
            )
    return {table: given[table] for table in statistics}


def file_sums(
    files: Iterable[str], tally: Tally, written: Mapping[str, Mapping[str, int]]
) -> dict[str, FileSums]:
    """Returns what became of the rows of each file.

    Args:
        files: all of them.
        tally: the tally of what was read.
        written: the rows written, by file and split.

    Raises:
        LostRowsError: if rows that were read were not written, or others were.
    """
    sums = {}
    for file in sorted(files):
        read, out = tally.given.get(file, {}), dict(written.get(file, {}))
        _check_equal(file, "read", read, "written", out)
        left_out = tally.left_out[file]
        sums[file] = FileSums(sum(read.values()) + left_out, left_out, read, out)
    return sums


def check_same(
    analysed: Mapping[str, int], files: Mapping[str, FileSums], split: str
) -> None:
    """Checks that what was written of each file is what was analysed of it.

    Args:
        analysed: the rows by file, counted in this job or before.
        files: what became of each.
        split: the split that is analysed.

    Raises:
        LostRowsError: if it is not, as where a file has changed meanwhile.
    """
    for file, rows in analysed.items():
        written = {split: files[file].written.get(split, 0)}
        _check_equal(file, "analysed", {split: rows}, "written", written)


def check_written(
    outputs: Mapping[str, Mapping[str, str]], names: Mapping[str, Collection[str]]
) -> None:
    """Checks that the folders hold the files that were written, and no others.

    Args:
        outputs: the outputs by format, the folder of each split.
        names: the names by split, of the files without their endings.

    Raises:
        LostRowsError: if one is not there, or one too many.
    """
    for folders in outputs.values():
        for split, folder in folders.items():
            there = {n.partition(".")[0] for n in tf.io.gfile.listdir(folder)}
            wrong = sorted(there ^ set(names.get(split, ())))
            if wrong:
                in_words = "is of no worker" if wrong[0] in there else "is lost"
                raise LostRowsError(
                    f"{os.path.join(folder, wrong[0])}: this output {in_words}."
                )


def _check_equal(
    file: str,
    first: str,
    one: Mapping[str, int],
    second: str,
    other: Mapping[str, int],
) -> None:
    for split in sorted({*one, *other}):
        before, after = one.get(split, 0), other.get(split, 0)
        if before != after:
            raise LostRowsError(
                f"{file}: {before:,} examples of split '{split}' were {first} and "
                f"{after:,} {second}."
            )
