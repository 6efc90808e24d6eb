"""The training loop: calls of several steps, progress, summaries, sets, early stop."""

import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tensorflow as tf

from shardline.components.trainer.early_stop import StopRule
from shardline.components.trainer.inputs import (
    Batch,
    BatchReader,
    ReadingPosition,
    check_count,
)
from shardline.components.trainer.labels import check_labels
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.not_finite import NotFiniteError
from shardline.components.trainer.training_sets import TrainingSets
from shardline.configs.schema import Training
from shardline.embedding import host_sharded_options

_log = logging.getLogger("shardline.trainer")

_PROGRESS_INTERVAL_S = 5.0


@dataclasses.dataclass
class _Progress:
    """Reports how training goes: to the log, now and then, and to TensorBoard."""

    total_steps: int
    batch_size: int
    last_report_s: float = dataclasses.field(default_factory=time.monotonic)

    def report(self, step: int, steps: int, loss: float, seconds: float) -> None:
        rate = steps * self.batch_size / seconds
        tf.summary.scalar("loss", loss, step)
        tf.summary.scalar("examples_per_second", rate, step)
        now = time.monotonic()
        if now - self.last_report_s > _PROGRESS_INTERVAL_S or step == self.total_steps:
            self.last_report_s = now
            _log.info(
                "step %d of %d, loss %.4f, %.0f examples/s",
                step,
                self.total_steps,
                loss,
                rate,
            )


def total_steps(training: Training, examples: int) -> int:
    """Returns how many steps a training of so many examples takes.

    Raises:
        ValueError: if there are fewer examples than one batch.
    """
    if examples < training.batch_size:
        raise ValueError(
            f"The training split has {examples} examples, fewer than one batch of "
            f"{training.batch_size}. Lower training.batch_size."
        )
    if training.steps is not None:
        return training.steps
    return (training.epochs or 1) * examples // training.batch_size


def train_on_split(
    learner: Learner,
    reader: BatchReader,
    files: Callable[[str], list[str]],
    training: Training,
    sets: TrainingSets,
    recorded: int | None = None,
    first_step: int = 0,
) -> None:
    """Trains on split "train", from the beginning or from where a set says.

    Args:
        learner: what learns.
        reader: reads the examples.
        files: gives the record files of a split.
        training: how long.
        sets: the training's checkpoint sets, which the learner was restored from.
        recorded: examples of the split when it was written; None: there is no record.
        first_step: the step that the training began with: how many an earlier one has
            behind it that this one goes on from. All others count from there.

    Raises:
        ValueError: if there are fewer examples than one batch, or not as many as were
            recorded, or those of training or validation do not have both labels, or
            validation gives no normalized entropy.
        NotFiniteError: if a step is not finite; names its examples.
        SaveError: if a set cannot be saved.
    """
    check_labels(reader, files, training.early_stop)
    done = int(learner.step) - first_step
    # Steps need no count before they are read again, and counting reads everything.
    at_most = training.batch_size if training.steps and not done else None
    examples = reader.count(files("train"), at_most)
    steps = total_steps(training, examples)
    if at_most is None:
        check_count("train", examples, recorded)
        _log.info("%d examples", examples)
    _log.info("%d steps of %d examples", steps, training.batch_size)
    if sets.begun_from:
        _log.info(
            "goes on from step %d of %d (set %s, written %s)",
            first_step + done,
            first_step + steps,
            sets.begun_from.name,
            sets.begun_from.manifest.saving.started,
        )
    validation = None
    if training.early_stop:
        validation = reader.evaluation_batches(files(training.early_stop.split))
    start = ReadingPosition.after(done * training.batch_size, examples)
    batches = reader.training_batches(files("train"), training.seed, start)
    try:
        train(learner, batches, steps, training, validation, sets, first_step)
    except NotFiniteError as error:
        examples = reader.count(files("train"))
        raise error.of(training, examples, first_step) from error


def train(
    learner: Learner,
    batches: Iterable[Batch],
    steps: int,
    training: Training,
    validation: Iterable[Batch] | None,
    sets: TrainingSets,
    first_step: int = 0,
) -> None:
    """Trains so many steps, or to the best validation.

    Summaries go to the default `tf.summary` writer.

    Args:
        learner: what learns; its step is where training goes on.
        batches: endless full batches, from the learner's step on.
        steps: how many there shall be from the first one on.
        training: the rest of the settings.
        validation: filled batches to stop early on; None trains to the end.
        sets: where to save.
        first_step: the step that the training began with.

    Raises:
        ValueError: if validation gives no normalized entropy.
        NotFiniteError: if a step is not finite.
        SaveError: if a set cannot be saved.
    """
    last = first_step + steps
    progress = _Progress(last, training.batch_size)
    stop = None
    if training.early_stop is not None and validation is not None:
        rule = sets.state.get("early_stop")
        stop = StopRule(learner, training.early_stop, validation, rule)
    ends = _ends_of_calls(training, sets.every_steps)
    iterator = iter(batches)
    done = int(learner.step)
    while done < last and not (stop and stop.is_enough):
        end = min(last, *((done // every + 1) * every for every in ends))
        start = time.perf_counter()
        loss = _learnt(learner, iterator, end - done)
        progress.report(end, end - done, loss, time.perf_counter() - start)
        done = end
        is_best = stop and stop.is_due(done, last) and stop.judge(done)
        state = _state(done - first_step, training, stop)
        if is_best:
            sets.save(done, state, pinned=True)
        else:
            sets.save_if_due(done, state)
    # Whatever comes after, training need not be done again.
    sets.save(done, _state(done - first_step, training, stop))
    sets.wait()
    if stop:
        sets.restore(stop.best_step)


def save(learner: Learner, prefix: str) -> None:
    """Writes a checkpoint with one data file for each host."""
    checkpoint = learner.checkpoint()
    learner.run(checkpoint.write, prefix, options=host_sharded_options())


def _ends_of_calls(training: Training, set_steps: int | None) -> list[int]:
    """Returns of which numbers a multiple ends a call into TensorFlow.

    Validations and sets fall on their steps exactly, so that neither depends on the
    other or on how many steps a call takes.
    """
    stop_steps = training.early_stop.every_steps if training.early_stop else None
    return [n for n in (training.steps_per_call, set_steps, stop_steps) if n]


def _learnt(learner: Learner, iterator: Iterator[Any], steps: int) -> float:
    """Trains so many steps; returns their mean loss."""
    try:
        return float(learner.train(iterator, tf.constant(steps)))
    except tf.errors.InvalidArgumentError as error:
        fault = learner.guard.fault()
        if fault is None:
            raise
        raise NotFiniteError(int(learner.step) + 1, fault) from error


def _state(done: int, training: Training, stop: StopRule | None) -> dict[str, Any]:
    """Returns what a set says of the training, beside its variables."""
    state: dict[str, Any] = {"examples_read": done * training.batch_size}
    return {**state, "early_stop": stop.state} if stop else state
