"""What the units of the first job told, together: judged, and its sums compared."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

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
    BadInputError,
    LostRowsError,
    ReadSettings,
    Tally,
    refuse,
)
from shardline.configs.schema import Preprocessing


class Found(NamedTuple):
    """What was found in the analysed split.

    Attributes:
        summary: of its examples.
        vocabularies: by table.
        values: given to count, by table of a vocabulary.
        read: examples, by file.
        bad: what was left out.
    """

    summary: Summary
    vocabularies: dict[str, VocabularyStatistics]
    values: dict[str, int]
    read: dict[str, int]
    bad: BadInput


def found_by(
    told: Sequence[Mapping[str, Any]],
    files: Sequence[str],
    settings: ReadSettings,
    vocabularies: dict[str, VocabularyStatistics],
) -> Found:
    """Returns what units of work have found, if it is all that there is.

    Args:
        told: by each of them.
        files: that they have read.
        settings: how.
        vocabularies: that were made of their counts.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if sums that must be equal differ.
    """
    bad, tally = merged_told(told)
    refuse(tally, bad, {settings.split: files}, settings)
    summary = merged(summary_from_json(unit["summary"]) for unit in told)
    check_analysed(told, settings.split, summary.examples)
    values = check_vocabularies(told, vocabularies)
    read = {file: tally.given.get(file, {}).get(settings.split, 0) for file in files}
    return Found(summary, vocabularies, values, read, bad)


def vocabulary_statistics(
    preprocessing: Preprocessing, folder: str
) -> dict[str, VocabularyStatistics]:
    """Returns what was found of each vocabulary.

    Args:
        preprocessing: the features, numbers and tables to preprocess.
        folder: of the vocabularies.

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


def merged_told(told: Sequence[Mapping[str, Any]]) -> tuple[BadInput, Tally]:
    """Returns what units of work have left out and read.

    Args:
        told: by each of them.

    Raises:
        BadInputError: if one has met what is bad and may not be left out.
    """
    failures = sorted({unit["failure"] for unit in told if unit["failure"]})
    if failures:
        raise BadInputError("\n".join(failures))
    bad, tally = BadInput("skip", "skip"), Tally()
    for unit in told:
        bad.merge(BadInput(**unit["bad"]))
        tally.merge(Tally(**unit["tally"]))
    return bad, tally
