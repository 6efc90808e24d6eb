"""The reports of the first job's units of work, merged, judged and compared."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from shardline.components.contracts.living_vocabulary import TableChanges
from shardline.components.contracts.text_file import read_text
from shardline.components.features.analysis.beam_analysis import CHANGES
from shardline.components.features.analysis.statistics import VocabularyStatistics
from shardline.components.features.analysis.summary import (
    Summary,
    merged,
    summary_from_json,
)
from shardline.components.features.writing.sums import (
    check_analysed,
    check_vocabularies,
)
from shardline.components.readers.files import (
    BadInput,
    LostRowsError,
    ReadSettings,
    refuse,
)
from shardline.components.readers.files.judging.unit_reports import merge_reports
from shardline.configs.schema import Preprocessing


class MergedCounts(NamedTuple):
    """What all units of work together have counted in the analysed split.

    Attributes:
        summary: the summary of its examples.
        vocabularies: statistics of each table's vocabulary.
        values: how many were given to count, by table of a vocabulary.
        read: how many examples were read, by file.
        bad: what was left out.
    """

    summary: Summary
    vocabularies: dict[str, VocabularyStatistics]
    values: dict[str, int]
    read: dict[str, int]
    bad: BadInput


def merge_counts(
    reports: Sequence[Mapping[str, Any]],
    files: Sequence[str],
    settings: ReadSettings,
    vocabularies: dict[str, VocabularyStatistics],
    counted: Sequence[Mapping[str, Any]],
) -> MergedCounts:
    """Adds up what units of work have counted, and checks that nothing is lost.

    Args:
        reports: one of each unit of work.
        files: the files that they have read.
        settings: how they have read them.
        vocabularies: statistics of the vocabularies made of their counts.
        counted: those of the reports whose counts they are made of.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if sums that must be equal differ.
    """
    bad, tally = merge_reports(reports)
    refuse(tally, bad, {settings.split: files}, settings)
    summary = merged(summary_from_json(report["summary"]) for report in reports)
    check_analysed(reports, settings.split, summary.examples)
    values = check_vocabularies(counted, vocabularies)
    read = {file: tally.given.get(file, {}).get(settings.split, 0) for file in files}
    return MergedCounts(summary, vocabularies, values, read, bad)


def living_changes(
    preprocessing: Preprocessing, folder: str
) -> dict[str, TableChanges]:
    """Returns what was written of the vocabularies that live, beside each.

    Args:
        preprocessing: the features, numbers and tables to preprocess.
        folder: where the vocabularies are.
    """
    changes = {}
    for table in living_tables(preprocessing):
        text = read_text(folder, f"{table}{CHANGES}")
        changes[table] = TableChanges.model_validate_json(text)
    return changes


def living_tables(preprocessing: Preprocessing) -> list[str]:
    """Returns the tables whose vocabularies live."""
    return [
        table
        for table, rules in preprocessing.vocabularies.items()
        if rules.living and preprocessing.ids_of(table).kind == "vocabulary"
    ]


def vocabulary_statistics(
    preprocessing: Preprocessing, folder: str
) -> dict[str, VocabularyStatistics]:
    """Returns the statistics that were written beside each vocabulary.

    Args:
        preprocessing: the features, numbers and tables to preprocess.
        folder: where the vocabularies are.

    Raises:
        LostRowsError: if one was not written.
    """
    tables = [
        table
        for table in preprocessing.vocabularies
        if preprocessing.ids_of(table).kind == "vocabulary"
    ]
    statistics = {}
    for table in tables:
        path = os.path.join(folder, f"{table}.json")
        if not tf.io.gfile.exists(path):
            raise LostRowsError(
                f"Table `{table}`: no worker wrote its vocabulary: the runner has lost "
                "that step."
            )
        with tf.io.gfile.GFile(path) as file:
            statistics[table] = VocabularyStatistics(**json.load(file))
    return statistics
