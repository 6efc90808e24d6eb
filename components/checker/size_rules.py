"""The number of training examples against the size of a batch, if it can be known."""

from __future__ import annotations

from collections.abc import Iterator

from shardline.components.checker.findings import Finding
from shardline.components.checker.split_files import SplitFiles
from shardline.components.readers.files import ReadSettings
from shardline.components.readers.files.heads import rows_up_to
from shardline.configs.schema import Job


def batch_findings(
    job: Job, train: SplitFiles, read_settings: ReadSettings, examples: int | None
) -> Iterator[Finding]:
    """Yields the fault of a batch that is larger than the training examples.

    Args:
        job: the configuration.
        train: the files of split "train".
        read_settings: how they are read.
        examples: the number of examples of that split, without those held out; None
            if it is not known.
    """
    if job.training is None or not train.with_rows or examples == 0:
        return
    batch = job.training.batch_size
    if examples is not None:
        count, remedy = f"{examples:,} examples", f"to {examples} or less"
    else:
        examples = train.rows
        if examples is None:
            examples = rows_up_to(train.files, read_settings, batch)
        held_out = job.data.files.held_out if job.data.files else {}
        count = f"at most {examples:,} examples"
        count += ", of which some are held out" if held_out else ""
        remedy = f"to less than {examples}" if held_out else f"to {examples} or less"
    if examples < batch:
        yield Finding(
            ("training", "batch_size"),
            "training",
            f"split `train` has {count}, fewer than one batch of {batch:,}.",
            f"Lower `training.batch_size` {remedy}.",
        )
