"""What is wrong with the labels of the splits, taken together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa

from shardline.components.checker.findings import Finding
from shardline.components.checker.split_labels import add_labels, label_faults
from shardline.components.evaluation.binary import Labels
from shardline.configs.fault import ConfigPath
from shardline.configs.schema import Job


def label_findings(
    job: Job, batches: Mapping[str, pa.RecordBatch], whole: Collection[str]
) -> Iterator[Finding]:
    """Yields splits of one label: faults where a run must fail by it, else hints.

    Args:
        job: the configuration.
        batches: the sample in canonical columns, by split.
        whole: the splits of which every example is in the sample.
    """
    labels: dict[str, Labels] = {}
    for split, batch in batches.items():
        add_labels(labels, split, batch, job)
    for fault in label_faults(job, labels, frozenset(batches) - frozenset(whole)):
        yield Finding(
            _config_path(job, fault.split),
            f"split `{fault.split}`",
            fault.message,
            fault.remedy,
            is_fault=fault.ends_run,
        )


def _config_path(job: Job, split: str) -> ConfigPath:
    files = job.data.files
    if files and split in files.held_out:
        return ("data", "files", "held_out", split)
    return ("data", "files", "splits", split)
