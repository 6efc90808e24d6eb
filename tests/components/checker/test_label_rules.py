"""Splits of one label are found at the rule that makes them."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from shardline.components.checker.label_rules import label_findings
from shardline.configs.schema import Job

HELD_OUT = ("train.csv}", "train.csv}, held_out: {eval: {column: d, at_least: 1}}")
TRAINING = (
    "tables:",
    "training: {batch_size: 2, steps: 1}\nevaluation: {min_auc: 0.5}\ntables:",
)


def labels(*values: float) -> pa.RecordBatch:
    lists = pa.array([[value] for value in values], pa.large_list(pa.float32()))
    return pa.RecordBatch.from_arrays([lists], ["label"])


@pytest.mark.parametrize(
    ("whole", "is_fault"), [({"train", "eval"}, True), ((), False)]
)
def test_split_of_one_label_is_a_fault_if_all_of_it_is_known(
    job_of: Callable[..., Job], whole: set[str], is_fault: bool
) -> None:
    batches = {"train": labels(0, 1), "eval": labels(*[1] * 12)}

    (finding,) = label_findings(job_of(HELD_OUT, TRAINING), batches, whole)

    assert finding.is_fault is is_fault
    assert finding.who == "split `eval`"
    assert finding.config_path == ("data", "files", "held_out", "eval")


def test_training_split_is_found_at_its_files(job_of: Callable[..., Job]) -> None:
    (finding,) = label_findings(job_of(), {"train": labels(1, 1)}, {"train"})

    assert finding.config_path == ("data", "files", "splits", "train")
    assert finding.message.endswith("there is nothing to learn.")
