"""The training loop: calls of several steps, progress, summaries, early stop."""

import dataclasses
import logging
import time
from collections.abc import Callable

import tensorflow as tf

from shardline.components.trainer.inputs import BatchReader, check_count
from shardline.components.trainer.labels import check_labels
from shardline.components.trainer.learner import Learner
from shardline.configs.schema import EarlyStop, Training
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
    prefix: str,
    recorded: int | None = None,
) -> None:
    """Trains on split "train" and leaves a checkpoint.

    Args:
        learner: what learns.
        reader: reads the examples.
        files: gives the record files of a split.
        training: how long.
        prefix: the prefix of the checkpoint.
        recorded: examples of the split when it was written; None: there is no record.

    Raises:
        ValueError: if there are fewer examples than one batch, or not as many as were
            recorded, or those of training or validation do not have both labels, or
            validation gives no normalized entropy.
    """
    check_labels(reader, files, training.early_stop)
    # Steps need no count, and counting reads everything.
    at_most = training.batch_size if training.steps else None
    examples = reader.count(files("train"), at_most)
    steps = total_steps(training, examples)
    if at_most is None:
        check_count("train", examples, recorded)
        _log.info("%d examples", examples)
    _log.info("%d steps of %d examples", steps, training.batch_size)
    validation = None
    if training.early_stop:
        validation = reader.evaluation_batches(files(training.early_stop.split))
    batches = reader.training_batches(files("train"), training.seed)
    train(learner, batches, steps, training, validation, prefix)


def train(
    learner: Learner,
    batches: tf.data.Dataset,
    steps: int,
    training: Training,
    validation: tf.data.Dataset | None,
    prefix: str,
) -> None:
    """Trains and leaves a checkpoint of the result, or of the best validation.

    Summaries go to the default `tf.summary` writer.

    Args:
        learner: what learns.
        batches: endless full batches.
        steps: how many.
        training: the rest of the settings.
        validation: filled batches to stop early on; None trains to the end.
        prefix: the prefix of the checkpoint.

    Raises:
        ValueError: if validation gives no normalized entropy.
    """
    progress = _Progress(steps, training.batch_size)
    stop = None
    if training.early_stop is not None and validation is not None:
        stop = _EarlyStop(learner, training.early_stop, validation, prefix)
    iterator = iter(batches)
    done = 0
    while done < steps:
        count = min(training.steps_per_call, steps - done)
        start = time.perf_counter()
        loss = float(learner.train(iterator, tf.constant(count)))
        done += count
        progress.report(done, count, loss, time.perf_counter() - start)
        if stop and stop.is_due(done, steps) and stop.is_enough(done):
            break
    if stop is None:
        save(learner, prefix)
    else:
        learner.checkpoint().read(prefix).assert_consumed()


def save(learner: Learner, prefix: str) -> None:
    """Writes a checkpoint with one data file for each host."""
    learner.checkpoint().write(prefix, options=host_sharded_options())


class _EarlyStop:
    """Keeps the checkpoint with the lowest normalized entropy on a split."""

    def __init__(
        self,
        learner: Learner,
        settings: EarlyStop,
        validation: tf.data.Dataset,
        prefix: str,
    ):
        self._learner = learner
        self._settings = settings
        self._validation = validation
        self._prefix = prefix
        self._next_step = self._settings.every_steps
        self._best = float("inf")
        self._worse = 0

    def is_due(self, step: int, last_step: int) -> bool:
        """Returns whether `every_steps` have passed, or training ends."""
        if step < self._next_step and step < last_step:
            return False
        self._next_step = step + self._settings.every_steps
        return True

    def is_enough(self, step: int) -> bool:
        """Validates; returns whether `patience` validations brought no improvement.

        Raises:
            ValueError: if normalized entropy is undefined.
        """
        named = f"examples of split '{self._settings.split}'"
        judged = self._learner.evaluate(self._validation, named)
        for name, value in judged.values.items():
            tf.summary.scalar(f"validation/{name}", value, step)
        if "normalized_entropy" in judged.undefined:
            raise ValueError(
                f"Early stop cannot judge at step {step}: "
                f"{'; '.join(judged.undefined_lines)}. If scores are no numbers, "
                "training went wrong: lower its learning rates, or look for numbers "
                "that are too large in the data."
            )
        entropy = judged.values["normalized_entropy"]
        _log.info("step %d, validation normalized entropy %.4f", step, entropy)
        if entropy < self._best:
            self._best, self._worse = entropy, 0
            save(self._learner, self._prefix)
            return False
        self._worse += 1
        return self._worse >= self._settings.patience
