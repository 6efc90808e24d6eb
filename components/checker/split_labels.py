"""What the labels of splits mean for a run; `check` and `plan` say so before it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from shardline.components.evaluation.binary import Labels, undefined_by, undefined_lines
from shardline.configs.schema import Job

_EVALUATION = "eval"
_FEW = 10  # sampled examples; that fewer have one label means nothing


@dataclasses.dataclass(frozen=True)
class LabelFault:
    """A split that has not both labels where they are needed.

    Attributes:
        split: the name of the split.
        message: which labels it has, and what follows from that.
        remedy: what to do about it.
        ends_run: whether a run must fail by it. It is False if the configuration asks
            for no more, or if only a sample is known.
    """

    split: str
    message: str
    remedy: str
    ends_run: bool

    def __str__(self) -> str:
        """Returns all of it in a line."""
        return f"Split `{self.split}`: {self.message} {self.remedy}"


def add_labels(
    labels: dict[str, Labels], split: str, batch: pa.RecordBatch, job: Job
) -> None:
    """Counts the labels of a batch as those of a split.

    Args:
        labels: the counts by split. One that has both labels already stays as it is.
        split: the split that the batch is of.
        batch: examples in canonical columns.
        job: the configuration, which names label and weight.
    """
    counted = labels.setdefault(split, Labels(f"examples of split `{split}`"))
    if counted.both or job.data.label not in batch.schema.names:
        return
    values = _values(batch, job.data.label)
    weights = np.ones_like(values)
    column = job.data.example_weight
    if column and column in batch.schema.names:
        weights = _values(batch, column)
    if len(weights) == len(values):
        counted.add(values, weights)


def _values(batch: pa.RecordBatch, column: str) -> np.ndarray:
    column_values = batch.column(column).flatten()
    values: np.ndarray = column_values.to_numpy(zero_copy_only=False)
    return values


def judged_splits(job: Job) -> list[str]:
    """Returns the splits besides `train` whose labels matter."""
    stop = job.training.early_stop if job.training else None
    return [_EVALUATION, *([stop.split] if stop else [])]


def label_faults(
    job: Job, labels: Mapping[str, Labels], sampled: frozenset[str] = frozenset()
) -> list[LabelFault]:
    """Returns the splits that have not both labels where they are needed.

    Args:
        job: the configuration.
        labels: the counts by split. A split without examples is another fault.
        sampled: the splits of which only a sample was counted.
    """
    faults = []
    for split in dict.fromkeys(["train", *judged_splits(job)]):
        counted = labels.get(split)
        if counted is None or not counted.examples or counted.both:
            continue
        if split in sampled:
            if counted.examples < _FEW:
                continue
            counted = copy.copy(counted)
            counted.named = f"sampled {counted.named}"
        message, remedy, ends_run = _consequence(job, split, counted)
        if split in sampled:
            remedy = f"If the rest has no other: {remedy[0].lower()}{remedy[1:]}"
        faults.append(
            LabelFault(split, message, remedy, ends_run and split not in sampled)
        )
    return faults


def _consequence(job: Job, split: str, labels: Labels) -> tuple[str, str, bool]:
    """Returns the message, the remedy, and whether a run must fail."""
    if split == "train":
        return (
            f"{labels.fault}: there is nothing to learn.",
            "Look at `data.label`, `data.files.positive_from` and what the splits "
            "take; training needs both labels.",
            job.training is not None,
        )
    if split != _EVALUATION:
        return (
            f"{labels.fault}: early stop cannot judge by normalized entropy.",
            "Hold out examples of both labels for it, or leave out "
            "`training.early_stop`.",
            True,
        )
    (undefined,) = undefined_lines(undefined_by(labels))
    floor = job.evaluation.min_auc if job.evaluation else 0.0
    asks = []
    if floor:
        asks.append(f"`evaluation.min_auc: {floor:g}` lets no model pass")
    if any(job.serving.precision_of(table) != "float32" for table in job.tables):
        asks.append("the price of compact tables (`serving.tables`) is unknown")
    follows = f", so {' and '.join(asks)}" if asks else ""
    return (
        f"{undefined}{follows}.",
        "Hold out examples of both labels"
        + (", or give `min_auc: 0` to publish unjudged models." if floor else "."),
        bool(asks) and job.training is not None,
    )
