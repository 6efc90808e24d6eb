"""Reads the examples of a job once, and makes the plan of its tables."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from shardline.components.checker.preflight import find_user_modules
from shardline.components.checker.split_labels import (
    add_labels,
    judged_splits,
    label_faults,
)
from shardline.components.evaluation.binary import Labels
from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.graph.derived import DerivedBatches
from shardline.components.features.graph.derived_graph import write_derived_graph
from shardline.components.features.reading.job_examples import (
    examples_of_job,
    files_of_split,
    why_split_is_empty,
)
from shardline.components.features.reading.sources import Examples, Source
from shardline.components.planner.counting import Counting
from shardline.components.planner.planning import (
    SAMPLED_BATCHES,
    TrainingSetup,
    plan_of,
)
from shardline.components.planner.report import Plan
from shardline.components.readers.files import (
    BadInput,
    Tally,
    refuse,
    units_of,
)
from shardline.components.readers.files.unit_reader import read_unit
from shardline.configs import Job
from shardline.configs.schema import Training

_TRAIN = "train"
_DEFAULT_BATCH = 1024
_PROGRESS_EVERY_S = 1.0


def training_setup(
    job: Job, hosts: int | None, batch_size: int | None, sparse_cores: int
) -> TrainingSetup:
    """Returns what to plan for: the values given, else those of the training section.

    Args:
        job: the configuration.
        hosts: the hosts that the rows of tables are split over.
        batch_size: examples in a batch.
        sparse_cores: SparseCores that share a batch.

    Raises:
        ValueError: if TF_CONFIG is to say how many hosts there are, and does not, or if
            only a TPU knows.
    """
    training = job.training
    return TrainingSetup(
        hosts=hosts or (_hosts(training) if training else 1),
        batch_size=batch_size or (training.batch_size if training else _DEFAULT_BATCH),
        sparse_cores=sparse_cores,
    )


def _hosts(training: Training) -> int:
    if training.tpu is not None:
        raise ValueError(
            f"training.tpu is {training.tpu}, and only the TPU knows over how many "
            "hosts it splits the rows of tables. Say it by --hosts; a TPU of one "
            "machine has 1."
        )
    if training.cluster is None:
        return training.hosts
    # TensorFlow is loaded for it.
    from shardline.components.trainer.placement.choice import host_count

    return host_count(training)


def make_plan(
    job: Job,
    downloads: Path,
    setup: TrainingSetup,
    report_progress: Callable[[str], None],
) -> tuple[Plan, BadInput]:
    """Reads the training examples once and plans.

    Of other splits only the labels are read, until both labels were found.

    Args:
        job: the configuration.
        downloads: the folder that a fetched data package is kept in.
        setup: what is planned for.
        report_progress: takes a line now and then that tells how far the reading is.

    Returns:
        The plan, and what was left out of the data.

    Raises:
        ConfigError: if the data section names no files.
        BadInputError: if something in the files is bad and not to be skipped.
        DatasetError: if the data cannot be had.
        ValueError: if there is no training example, or the user's own function does
            not give the columns that the configuration says.
    """
    find_user_modules()
    examples = examples_of_job(job, [], downloads)
    settings = examples.settings.of_split(_TRAIN)
    bad, tally = settings.new_bad_input(), Tally()
    labels: dict[str, Labels] = {}
    sampled_rows = SAMPLED_BATCHES * setup.batch_size
    counting = Counting(job.preprocessing(job.data.target), sampled_rows)
    with _derived_columns(job, examples, report_progress) as with_derived:
        batches = _training_batches(examples, bad, tally, job, labels)
        _count(batches, counting, with_derived, report_progress)
    refuse(tally, bad, {_TRAIN: files_of_split(examples, _TRAIN)}, settings)
    if not counting.examples:
        raise ValueError(_nothing_to_plan(examples, bad))
    for said in examples.leftovers:
        bad.add_leftovers(said)
    _add_labels_of_other_splits(examples, bad, job, labels)
    faults = [str(fault) for fault in label_faults(job, labels)]
    report_progress("Working out ids")
    plan = plan_of(job.name, counting, job.feature_set, setup)
    return plan.model_copy(update={"labels": faults}), bad


def _count(
    batches: Iterator[tuple[int, int, pa.RecordBatch]],
    counting: Counting,
    with_derived: Callable[[pa.RecordBatch], pa.RecordBatch],
    report_progress: Callable[[str], None],
) -> None:
    """Counts all batches, and tells how far it is."""
    started = reported = time.monotonic()
    for unit, first, batch in batches:
        counting.add(with_derived(batch), unit, first)
        if time.monotonic() - reported > _PROGRESS_EVERY_S:
            reported = time.monotonic()
            rate = counting.examples / (reported - started)
            report_progress(f"Read {counting.examples:,} examples ({rate:,.0f}/s)")


def _nothing_to_plan(examples: Examples, bad: BadInput) -> str:
    why = "\n".join(bad.lines()) or why_split_is_empty(examples, _TRAIN)
    return (
        "There is no training example to plan for. "
        f"{why or 'Check `data.files.splits.train`.'}"
    )


@contextlib.contextmanager
def _derived_columns(
    job: Job, examples: Examples, report_progress: Callable[[str], None]
) -> Iterator[Callable[[pa.RecordBatch], pa.RecordBatch]]:
    """Gives what adds the columns of the user's own function to a batch."""
    if job.derived is None:
        yield lambda batch: batch
        return
    report_progress(f"Analysing what `{job.derived.function}` needs")
    with tempfile.TemporaryDirectory(prefix="shardline-plan-") as folder:
        write_derived_graph(folder, examples, job.derived, beam_runner("direct"))
        yield DerivedBatches(folder, job.derived).with_derived


def _training_batches(
    examples: Examples, bad: BadInput, tally: Tally, job: Job, labels: dict[str, Labels]
) -> Iterator[tuple[int, int, pa.RecordBatch]]:
    """Yields (number of the file, number of the first row in it, batch).

    The labels of all splits that come out of the same files are counted.
    """
    settings = examples.settings.of_split(_TRAIN)
    for number, unit in enumerate(
        units_of(files_of_split(examples, _TRAIN), settings, 1)
    ):
        first = 0
        for split, batch in read_unit(unit, settings, bad, tally=tally):
            add_labels(labels, split, batch, job)
            if split == _TRAIN:
                yield number, first, batch
                first += batch.num_rows


def _add_labels_of_other_splits(
    examples: Examples, bad: BadInput, job: Job, labels: dict[str, Labels]
) -> None:
    """Reads splits that have their own files until both labels were found."""
    judged = judged_splits(job)
    for source in examples.sources:
        if source.split in judged:
            for split, batch in _batches_of(source, examples, bad):
                add_labels(labels, split, batch, job)
                if labels[split].both:
                    break


def _batches_of(
    source: Source, examples: Examples, bad: BadInput
) -> Iterator[tuple[str, pa.RecordBatch]]:
    settings = examples.settings.of_split(source.split)
    for unit in units_of(source.files, settings, 1):
        yield from read_unit(unit, settings, bad)
