"""A batch must not be larger than the training examples."""

from collections.abc import Callable

import pytest

from shardline.components.checker.size_rules import batch_findings
from shardline.components.checker.split_files import SplitFiles
from shardline.components.readers.files import ReadSettings
from shardline.components.readers.files.heads import Head
from shardline.configs.schema import Job

TRAINING = ("tables:", "training: {batch_size: 20, steps: 1}\ntables:")
SETTINGS = ReadSettings("parquet", {})


@pytest.mark.parametrize(
    ("examples", "rows", "message"),
    [
        (20, 20, None),
        (19, 20, "split `train` has 19 examples, fewer than one batch of 20."),
        (None, 20, None),
        (
            None,
            19,
            "split `train` has at most 19 examples, fewer than one batch of 20.",
        ),
        (0, 19, None),  # that it is empty is another fault
    ],
)
def test_batch_is_at_most_the_training_examples(
    job_of: Callable[..., Job], examples: int | None, rows: int, message: str | None
) -> None:
    train = SplitFiles("train", (Head("a", rows=rows),), ("a",))

    findings = list(batch_findings(job_of(TRAINING), train, SETTINGS, examples))

    assert [f.message for f in findings] == ([message] if message else [])
    assert all(f.config_path == ("training", "batch_size") for f in findings)


def test_without_training_there_is_no_batch(job_of: Callable[..., Job]) -> None:
    train = SplitFiles("train", (Head("a", rows=1),), ("a",))

    assert list(batch_findings(job_of(), train, SETTINGS, 1)) == []
