"""Which rows are scored or judged: files as the configuration says, or tf.Examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from shardline.components.features.reading.job_examples import (
    tensorflow_errors_as_value_errors,
)
from shardline.components.features.reading.sources import (
    Examples,
    Source,
    sources_of_pattern,
)
from shardline.components.readers.datasets import location_of
from shardline.components.readers.files import (
    ReadSettings,
    settings_of,
    tfrecord_settings,
)
from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.heads import head_of
from shardline.components.readers.files.joins.join import joins_of
from shardline.components.readers.files.read_settings import crosses_of, pairs_of
from shardline.configs.columns import raw_columns
from shardline.configs.outputs import downloads_folder
from shardline.configs.schema import Job, Target
from shardline.configs.shown import escaped, shown

SPLIT = "all"


def examples_to_score(
    job: Job, patterns: Sequence[str], kept: Sequence[str]
) -> Examples:
    """Returns rows that need no label.

    Args:
        job: the configuration.
        patterns: of files, which are of the format of `data.files`; of a configuration
            with a reader, TFRecords of the tf.Examples that the reader gives.
        kept: columns to give on.

    Raises:
        BadInputError: if nothing matches a pattern.
        ValueError: if a file system refuses.
    """
    return _examples(job, _settings(job, None), patterns, kept)


def labelled_examples(
    job: Job, patterns: Sequence[str], kept: Sequence[str]
) -> Examples:
    """Returns rows with label and weight, otherwise as `examples_to_score` does."""
    return _examples(job, _settings(job, job.data.target), patterns, kept)


def _settings(job: Job, target: Target | None) -> ReadSettings:
    columns = raw_columns(job, target)
    if job.data.files is None:
        # Labels are what the reader makes of them, which need not be 0 and 1.
        pairs, crosses = pairs_of(job, columns), crosses_of(job, columns)
        return tfrecord_settings(columns, pairs, crosses)
    label = target.label if target else None
    return dataclasses.replace(settings_of(job.data, job), columns=columns, label=label)


def _examples(
    job: Job, settings: ReadSettings, patterns: Sequence[str], kept: Sequence[str]
) -> Examples:
    further = tuple(name for name in kept if name not in settings.columns)
    settings = dataclasses.replace(settings, kept=further, held_out={}, split=SPLIT)
    with tensorflow_errors_as_value_errors():
        settings = _joined(job, settings)
        found = [s for pattern in patterns for s in sources_of_pattern(pattern, SPLIT)]
        files = sorted({file for source in found for file in source.files})
        _check_kept(files, settings)
    return Examples((Source(SPLIT, tuple(files)),), settings)


def _check_kept(files: Sequence[str], settings: ReadSettings) -> None:
    """Refuses columns that a file has not, whatever is done with bad files.

    Raises:
        ValueError: if a file names its columns, and not each that is kept.
    """
    own = [name for name in settings.kept if name not in settings.joined]
    # Each tf.Example names its own columns.
    for file in files if own and settings.format != "tfrecord" else []:
        there = head_of(file, settings).columns
        absent = [name for name in own if there and name not in there]
        if absent:
            raise ValueError(
                f"{escaped(file, keep='')}: has no column `{shown(absent[0])}`, which "
                f"is to stand beside the scores; it has {columns_shown(there)}. "
                f"{meant(absent[0], there)}Correct the name that --keep, --slice or "
                "`evaluation` gives, or write the column."
            )


def _joined(job: Job, settings: ReadSettings) -> ReadSettings:
    """Returns the settings with the side files of the columns that are read here."""
    if job.data.files is None or not job.data.files.join:
        return settings
    joins = joins_of(job.data.files, dataclasses.replace(settings, joins=()))
    settings = dataclasses.replace(settings, joins=joins)
    if not joins:
        return settings
    return settings.located(location_of(job.data, downloads_folder(job.name).resolve()))
