"""Batches of transformed examples, and how the last one is filled."""

import itertools
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
from configs.schema import Features


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
    spec = transformed.output.transformed_feature_spec()
    return BatchReader(spec, transformed.features, "label", batch_size=2)


def parse(serialized: tf.Tensor) -> Batch:
    """Takes the record itself for the label."""
    labels = tf.strings.to_number(serialized)
    return Batch({}, {}, {}, labels, tf.ones_like(labels))


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
    assert batches[0].numbers == {}
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


def labels_of(batches: tf.data.Dataset, count: int) -> np.ndarray:
    return np.concatenate([batch.labels.numpy() for batch in batches.take(count)])


@pytest.fixture
def files(
    write_records: Callable[..., str], serialize: Callable[..., bytes], tmp_path: Path
) -> list[str]:
    """Three files of 3,000 examples in all, labelled 0, 1, 2 and so on."""
    examples = [serialize({"label": [float(number)]}) for number in range(3000)]
    cuts = [0, 1100, 2100, 3000]
    return [
        write_records(tmp_path / f"{start}.gz", examples[start:end])
        for start, end in itertools.pairwise(cuts)
    ]


@pytest.fixture
def label_reader() -> BatchReader:
    """Reads labels, in batches of 100."""
    spec = {"label": tf.io.FixedLenFeature([], tf.float32)}
    return BatchReader(spec, Features(features={}), "label", batch_size=100)


@pytest.mark.parametrize("shuffled", [100_000, 700])
def test_epoch_holds_every_example_once_and_each_in_another_order(
    label_reader: BatchReader,
    files: list[str],
    shuffled: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("components.trainer.inputs._SHUFFLED_EXAMPLES", shuffled)

    read = labels_of(label_reader.training_batches(files, seed=0), 60)

    first, second = np.split(read, 2)
    np.testing.assert_array_equal(np.sort(first), np.arange(3000))
    np.testing.assert_array_equal(np.sort(second), np.arange(3000))
    assert np.count_nonzero(first == second) < 20


def test_every_batch_is_of_examples_from_all_over_the_files(
    label_reader: BatchReader, files: list[str]
) -> None:
    batches = label_reader.training_batches(files, seed=0).take(30)

    for batch in batches:
        assert batch.labels.numpy().std() == pytest.approx(3000 / 12**0.5, rel=0.25)


def test_order_of_a_seed_is_the_same_into_later_epochs(
    label_reader: BatchReader, files: list[str]
) -> None:
    def read(seed: int) -> np.ndarray:
        return labels_of(label_reader.training_batches(files, seed), 35)

    np.testing.assert_array_equal(read(1), read(1))
    assert not np.array_equal(read(1), read(2))


@pytest.mark.parametrize(("at_most", "count"), [(None, 3000), (40, 40), (9000, 3000)])
def test_count_counts_the_examples_of_all_files(
    label_reader: BatchReader,
    files: list[str],
    at_most: int | None,
    count: int,
) -> None:
    assert label_reader.count(files, at_most) == count


def test_numbers_and_plain_files_are_read(
    serialize: Callable[..., bytes], tmp_path: Path
) -> None:
    file = str(tmp_path / "plain")
    with tf.io.TFRecordWriter(file) as writer:
        writer.write(serialize({"label": [1.0], "tag_scores": [2.0, 3.0]}))
    spec = {
        "label": tf.io.FixedLenFeature([], tf.float32),
        "tag_scores": tf.io.FixedLenFeature([2], tf.float32),
    }
    reader = BatchReader(
        spec,
        Features(features={}),
        "label",
        batch_size=2,
        numbers=["label", "tag_scores"],
        compression="",
    )

    (batch,) = reader.evaluation_batches([file])

    assert {name: n.numpy().tolist() for name, n in batch.numbers.items()} == {
        "label": [1.0, 1.0],
        "tag_scores": [[2.0, 3.0], [2.0, 3.0]],
    }
    assert reader.count([file]) == 1
