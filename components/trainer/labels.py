"""What the labels of a split let training and evaluation do, known before training."""

import logging
from collections.abc import Callable

from shardline.components.evaluation.binary import Labels, undefined_by, undefined_lines
from shardline.components.trainer.inputs import BatchReader
from shardline.configs.schema import EarlyStop

_log = logging.getLogger("shardline.trainer")


def check_labels(
    reader: BatchReader, files: Callable[[str], list[str]], early_stop: EarlyStop | None
) -> None:
    """Refuses to train on, or stop by, examples that all have one label.

    Each split is read only until both labels were seen.

    Args:
        reader: reads the examples.
        files: gives the record files of a split.
        early_stop: names the split that ends training.

    Raises:
        ValueError: if there are not both labels.
    """
    labels = labels_of(reader, files("train"), "training examples")
    if labels.fault:
        raise ValueError(
            f"There is nothing to learn: {labels.fault}. Training needs examples of "
            "both labels; look at data.label, data.files.positive_from and what the "
            "splits take."
        )
    if early_stop is None:
        return
    named = f"examples of split '{early_stop.split}'"
    labels = labels_of(reader, files(early_stop.split), named)
    if labels.fault:
        raise ValueError(
            f"Early stop cannot judge by normalized entropy, which is undefined: "
            f"{labels.fault}. Hold out examples of both labels for it, or leave out "
            "training.early_stop."
        )


def log_undefined(reader: BatchReader, files: list[str]) -> None:
    """Logs before training which metrics the evaluation split leaves undefined.

    Args:
        reader: reads the examples.
        files: the files of the evaluation split.

    Raises:
        ValueError: if the split has no examples.
    """
    labels = labels_of(reader, files, "evaluation examples")
    if not labels.examples:
        raise ValueError(
            "Split 'eval' has no examples, so nothing can judge the model. Look at "
            "what data.files.splits and data.files.held_out put into it."
        )
    for line in undefined_lines(undefined_by(labels)):
        _log.warning("%s", line)


def labels_of(reader: BatchReader, files: list[str], named: str) -> Labels:
    """Counts the labels of record files, until both were seen.

    Args:
        reader: reads the examples.
        files: paths.
        named: what the examples are, for people.
    """
    labels = Labels(named)
    for batch_labels, weights in reader.labels(files).as_numpy_iterator():
        labels.add(batch_labels, weights)
        if labels.both:
            break
    return labels
