"""A configuration and its data, compared from the quick to the slow.

The sample's columns come first, which takes no TensorFlow; then what the configuration
names by import path; then the preprocessing itself, unless a column is at fault.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shardline.components.checker import size_rules, split_rules
from shardline.components.checker.column_comparison import compare_columns
from shardline.components.checker.data_sample import DataSample, take_sample
from shardline.components.checker.report import Draft, Report
from shardline.components.checker.side_files import is_read, join_sample
from shardline.components.checker.uses import uses_of
from shardline.components.readers.files import ReadSettings, settings_of
from shardline.configs import load_job
from shardline.configs.schema import Job


def check(config: Path, rows: int, say: Callable[[str], None]) -> Report:
    """Checks a configuration against a sample of its data.

    Args:
        config: YAML file.
        rows: the most examples to sample.
        say: takes a line that says what is being done, where that takes long.

    Raises:
        ConfigError: the configuration has faults that it shows by itself.
    """
    job, draft = load_job(config), Draft()
    uses = uses_of(job)
    read_settings = settings_of(job.data, job) if job.data.files else None
    sample = DataSample({})
    if read_settings:
        sample = take_sample(job, read_settings, rows, draft, say)
        if read_settings.joins:
            say("Reading side files")
            read_settings, sample = join_sample(read_settings, sample, draft)
        uses = [use for use in uses if is_read(use, job, read_settings)]
        compare_columns(job, uses, sample, read_settings, draft)
        if sample.pieces:
            draft.findings += split_rules.split_findings(
                sample.pieces, read_settings, is_whole=sample.is_whole
            )
    say("Trying what the configuration names, and the preprocessing")
    # Both import TensorFlow, which takes seconds.
    from shardline.components.checker.named_objects import try_named_objects

    try_named_objects(config, job, uses, draft)
    if read_settings:
        _try_preprocessing(job, sample, read_settings, draft)
    return draft.report(config, sample.rows)


def _try_preprocessing(
    job: Job, sample: DataSample, read_settings: ReadSettings, draft: Draft
) -> None:
    """Reads a sample as a job does, and transforms it, unless there are faults."""
    if sample.train is None:
        return
    examples = None
    if draft.has_faults:
        if sample.pieces:
            note = "The preprocessing was not tried, for there are faults."
            draft.notes.append(note)
    elif sample.pieces:
        from shardline.components.checker.trial_run import try_sample

        examples = try_sample(job, sample, read_settings, draft)
    draft.findings += size_rules.batch_findings(
        job, sample.train, read_settings, examples
    )
