"""What is said of labels before training."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.features.graph.outputs import EXAMPLE_WEIGHT
from shardline.components.trainer.inputs import BatchReader
from shardline.components.trainer.labels import check_labels, labels_of, log_undefined
from shardline.configs.schema import EarlyStop, Feature, FeatureSet, Table, Target

FEATURES = FeatureSet(
    features={"user": Feature(table="user")}, tables={"user": Table(dim=4)}
)
SPEC = {
    name: tf.io.FixedLenFeature([], tf.float32) for name in ("bought", EXAMPLE_WEIGHT)
}
STOP = EarlyStop(every_steps=1)

Split = list[tuple[float, float]]


@pytest.fixture
def reader() -> BatchReader:
    target = Target(label="bought", example_weight="times")
    return BatchReader(SPEC, FEATURES, target, batch_size=4)


@pytest.fixture
def files(
    write_records: Callable[..., str], tmp_path: Path
) -> Callable[..., Callable[[str], list[str]]]:
    """Writes splits of (label, weight)."""

    def write(**splits: Split) -> Callable[[str], list[str]]:
        written = {}
        for split, examples in splits.items():
            records = [_serialized(*example) for example in examples]
            written[split] = [write_records(tmp_path / f"{split}.gz", records)]
        return lambda split: written[split]

    return write


def _serialized(label: float, weight: float) -> bytes:
    example = tf.train.Example()
    values: dict[str, Any] = {"bought": label, EXAMPLE_WEIGHT: weight}
    for name, value in values.items():
        example.features.feature[name].float_list.value.append(value)
    return example.SerializeToString()


@pytest.mark.parametrize(
    ("train", "why"),
    [
        ([(1, 1), (1, 2)], "all 2 training examples have label 1"),
        ([(0, 1)] * 1500, "all 1,500 training examples have label 0"),
        ([(1, 0), (0, 1), (0, 1)], "of 3 training examples only 2 have a weight above"),
        ([(1, 0), (0, 0)], "the weight of all 2 training examples is 0"),
    ],
    ids=str,
)
def test_training_on_one_label_is_refused(
    reader: BatchReader, files: Any, train: Split, why: str
) -> None:
    with pytest.raises(ValueError, match=f"nothing to learn: {why}"):
        check_labels(reader, files(train=train), None)


def test_stopping_by_one_label_is_refused_before_training(
    reader: BatchReader, files: Any
) -> None:
    splits = files(train=[(1, 1), (0, 1)], validation=[(0, 1), (0, 1)])

    check_labels(reader, splits, None)
    with pytest.raises(
        ValueError, match="all 2 examples of split 'validation' have label 0"
    ):
        check_labels(reader, splits, STOP)


def test_both_labels_are_fine(reader: BatchReader, files: Any) -> None:
    both = [(1.0, 1.0), (0.0, 1.0)]

    check_labels(reader, files(train=both, validation=both), STOP)


def test_reading_ends_with_the_second_label(reader: BatchReader, files: Any) -> None:
    some = files(train=[(1, 1), (0, 1)] + [(1, 1)] * 5000)

    labels = labels_of(reader, some("train"), "training examples")

    assert labels.both
    assert labels.examples < 5000


def test_undefined_metrics_are_told_before_training(
    reader: BatchReader, files: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log_undefined(reader, files(eval=[(1, 1), (1, 2), (1, 0.5)])("eval"))

    assert caplog.messages == [
        "AUC and normalized entropy are undefined: all 3 evaluation examples have "
        "label 1"
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_nothing_is_told_where_all_metrics_are_defined(
    reader: BatchReader, files: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log_undefined(reader, files(eval=[(1, 1), (0, 2)])("eval"))

    assert caplog.messages == []


def test_evaluation_split_without_examples_is_refused(
    reader: BatchReader, files: Any
) -> None:
    with pytest.raises(ValueError, match="Split 'eval' has no examples"):
        log_undefined(reader, files(eval=[])("eval"))
