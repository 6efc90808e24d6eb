"""Batches of transformed examples, and how the last one is filled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.trainer.inputs import (
    Batch,
    BatchReader,
    filled_batches,
    records,
    split_files,
)


@pytest.fixture
def examples(tmp_path: Path) -> standard_artifacts.Examples:
    """An artifact with split "train" of two files and split "eval" of none."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path)
    artifact.splits = ["train", "eval"]
    for split in ("train", "eval"):
        (tmp_path / f"Split-{split}").mkdir()
    for name in ("b.gz", "a.gz"):
        (tmp_path / "Split-train" / name).touch()
    return artifact


@pytest.fixture
def reader(transformed: Any) -> BatchReader:
    """Reads two examples at a time."""
    return BatchReader(transformed.output, transformed.features, "label", batch_size=2)


def parse(serialized: tf.Tensor) -> Batch:
    """Takes the record itself for the label."""
    labels = tf.strings.to_number(serialized)
    return Batch({}, {}, labels, tf.ones_like(labels))


def test_files_of_a_split_come_sorted(examples: Any, tmp_path: Path) -> None:
    folder = tmp_path / "Split-train"

    assert split_files([examples], "train") == [
        str(folder / "a.gz"),
        str(folder / "b.gz"),
    ]


def test_split_without_files_is_an_error(examples: Any) -> None:
    with pytest.raises(ValueError, match="Split 'eval' of the examples has no files"):
        split_files([examples], "eval")


def test_absent_split_is_an_error(examples: Any) -> None:
    with pytest.raises(ValueError, match="validation"):
        split_files([examples], "validation")


def test_records_keep_their_order(
    write_records: Callable[..., str], tmp_path: Path
) -> None:
    files = [
        write_records(tmp_path / "a.gz", [b"1", b"2"]),
        write_records(tmp_path / "b.gz", [b"3"]),
    ]

    assert list(records(files).as_numpy_iterator()) == [b"1", b"2", b"3"]


def test_last_batch_is_filled_with_its_first_example() -> None:
    serialized = tf.data.Dataset.from_tensor_slices([b"1", b"2", b"3", b"4", b"5"])

    batches = list(filled_batches(serialized, 3, parse))

    assert [b.labels.numpy().tolist() for b in batches] == [[1, 2, 3], [4, 5, 4]]
    assert [b.is_example.numpy().tolist() for b in batches] == [[1, 1, 1], [1, 1, 0]]


def test_full_last_batch_needs_no_filling() -> None:
    serialized = tf.data.Dataset.from_tensor_slices([b"1", b"2"])

    (batch,) = filled_batches(serialized, 2, parse)

    assert batch.is_example.numpy().tolist() == [1, 1]


def test_filled_batches_have_a_static_size() -> None:
    serialized = tf.data.Dataset.from_tensor_slices([b"1"])

    spec = filled_batches(serialized, 4, parse).element_spec

    assert spec.labels.shape == [4]
    assert spec.is_example.shape == [4]


def test_evaluation_reads_every_example_once_in_order(
    reader: BatchReader, transformed: Any
) -> None:
    batches = list(reader.evaluation_batches([str(transformed.file)]))

    labels = np.concatenate([b.labels[b.is_example > 0].numpy() for b in batches])
    assert labels.tolist() == transformed.ids["label"]
    assert batches[0].ids["user"].numpy().tolist() == transformed.ids["user"][:2]
    assert batches[0].ids["history"].to_list() == transformed.ids["history"][:2]
    assert isinstance(batches[0].ids["tags"], tf.SparseTensor)
    assert batches[0].weights["user"] is None
    assert batches[1].is_example.numpy().tolist() == [1, 0]


def test_training_batches_are_full_and_do_not_end(
    reader: BatchReader, transformed: Any
) -> None:
    batches = list(reader.training_batches([str(transformed.file)], seed=0).take(6))

    users = np.concatenate([batch.ids["user"].numpy() for batch in batches])
    # Six batches of two are four times through the three examples.
    assert sorted(users.tolist()) == sorted(transformed.ids["user"] * 4)
    assert all(batch.is_example.numpy().tolist() == [1, 1] for batch in batches)


def test_training_batches_of_one_seed_are_the_same(
    reader: BatchReader, transformed: Any
) -> None:
    def users(seed: int) -> list[int]:
        batches = reader.training_batches([str(transformed.file)], seed).take(30)
        return np.concatenate([b.ids["movie"].numpy() for b in batches]).tolist()

    assert users(1) == users(1)
    assert users(1) != users(2)
