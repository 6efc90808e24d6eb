"""Batches of transformed examples, and how the last one is filled."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from shardline.components.trainer.inputs import (
    Batch,
    BatchReader,
    ReadingPosition,
    check_count,
    filled_batches,
    records,
    split_files,
    unlabelled_batch,
)
from shardline.configs.features import Features
from shardline.configs.schema import FeatureSet, Number, Target

LABELLED = Target()
WEIGHTED = Target(label="bought", example_weight="times_seen")


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
    return BatchReader(spec, transformed.features, LABELLED, batch_size=2)


def parse(serialized: tf.Tensor) -> Batch:
    """Takes the record itself for the label."""
    labels = tf.strings.to_number(serialized)
    return Batch({}, {}, {}, labels, tf.ones_like(labels), tf.ones_like(labels))


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
    assert batches[0].example_weights.numpy().tolist() == [1, 1]
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
    return BatchReader(spec, Features(features={}), LABELLED, batch_size=100)


@pytest.mark.parametrize("shuffled", [100_000, 700])
def test_epoch_holds_every_example_once_and_each_in_another_order(
    label_reader: BatchReader,
    files: list[str],
    shuffled: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "shardline.components.trainer.inputs._SHUFFLED_EXAMPLES", shuffled
    )

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


@pytest.mark.parametrize("shuffled", [100_000, 700])
@pytest.mark.parametrize("steps", [1, 7, 29, 30, 31, 64, 120])
def test_reading_goes_on_as_if_it_had_never_ended(
    label_reader: BatchReader,
    files: list[str],
    steps: int,
    shuffled: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "shardline.components.trainer.inputs._SHUFFLED_EXAMPLES", shuffled
    )
    whole = labels_of(label_reader.training_batches(files, seed=3), 130)
    start = ReadingPosition.after(steps * 100, 3000)

    rest = labels_of(label_reader.training_batches(files, 3, start), 130 - steps)

    np.testing.assert_array_equal(rest, whole[steps * 100 :])


def test_reading_goes_on_in_the_middle_of_a_batch_that_holds_two_epochs(
    files: list[str],
) -> None:
    spec = {"label": tf.io.FixedLenFeature([], tf.float32)}
    reader = BatchReader(spec, Features(features={}), LABELLED, batch_size=700)
    whole = labels_of(reader.training_batches(files, seed=3), 9)

    for steps in range(1, 9):
        start = ReadingPosition.after(steps * 700, 3000)
        rest = labels_of(reader.training_batches(files, 3, start), 9 - steps)
        np.testing.assert_array_equal(rest, whole[steps * 700 :])


def test_order_follows_from_the_seed_and_not_from_the_state_of_the_process(
    label_reader: BatchReader, files: list[str]
) -> None:
    def read(seed_of_process: int) -> np.ndarray:
        tf.random.set_seed(seed_of_process)
        tf.random.uniform([3])
        return labels_of(label_reader.training_batches(files, seed=0), 35)

    np.testing.assert_array_equal(read(1), read(2))


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_order_does_not_depend_on_threads(
    label_reader: BatchReader, files: list[str], threads: int
) -> None:
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    batches = label_reader.training_batches(files, seed=0)

    read = labels_of(batches.with_options(options), 35)

    np.testing.assert_array_equal(read, labels_of(batches, 35))


@pytest.mark.parametrize(
    ("read", "position"), [(0, (0, 0)), (9, (0, 9)), (10, (1, 0)), (34, (3, 4))]
)
def test_position_is_told_in_epochs(read: int, position: tuple[int, int]) -> None:
    assert ReadingPosition.after(read, 10) == position


@pytest.mark.parametrize(("at_most", "count"), [(None, 3000), (40, 40), (9000, 3000)])
def test_count_counts_the_examples_of_all_files(
    label_reader: BatchReader,
    files: list[str],
    at_most: int | None,
    count: int,
) -> None:
    assert label_reader.count(files, at_most) == count


def floats(**values: float) -> bytes:
    """Returns a serialized example with one float in each column."""
    example = tf.train.Example()
    for name, value in values.items():
        example.features.feature[name].float_list.value.append(value)
    return example.SerializeToString()


def float_reader(columns: list[str], target: Target, **numbers: Number) -> BatchReader:
    """Reads two plain examples at a time."""
    spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in columns}
    features = Features(features={}, numbers=numbers)
    return BatchReader(spec, features, target, batch_size=2, compression="")


@pytest.fixture
def write_plain(tmp_path: Path) -> Callable[..., str]:
    """Writes serialized examples into a file that is not compressed."""

    def write(*examples: bytes) -> str:
        path = str(tmp_path / "plain")
        with tf.io.TFRecordWriter(path) as writer:
            for example in examples:
                writer.write(example)
        return path

    return write


def test_numbers_are_read_under_their_names_from_plain_files(
    write_plain: Callable[..., str],
) -> None:
    file = write_plain(floats(label=1.0, price=2.0, age=-0.5, other=7.0))
    reader = float_reader(
        ["label", "price", "age", "other"],
        LABELLED,
        price=Number(column="eur", log=True),
        age=Number(),
    )

    (batch,) = reader.evaluation_batches([file])

    assert {name: n.numpy().tolist() for name, n in batch.numbers.items()} == {
        "price": [2.0, 2.0],
        "age": [-0.5, -0.5],
    }
    assert reader.count([file]) == 1


def test_example_weights_are_read_as_transform_names_them(
    write_plain: Callable[..., str],
) -> None:
    file = write_plain(
        floats(bought=1.0, example_weight=0.25), floats(bought=0.0, example_weight=0.0)
    )
    reader = float_reader(["bought", "example_weight"], WEIGHTED)

    (evaluated,) = reader.evaluation_batches([file])
    (learnt,) = reader.training_batches([file], seed=0).take(1)

    assert evaluated.labels.numpy().tolist() == [1.0, 0.0]
    assert evaluated.example_weights.numpy().tolist() == [0.25, 0.0]
    assert evaluated.is_example.numpy().tolist() == [1.0, 1.0]
    assert learnt.example_weights.numpy().tolist() == (
        (0.25 * learnt.labels).numpy().tolist()
    )


@pytest.mark.parametrize("wrong", [-0.5, float("nan"), float("inf")], ids=str)
def test_example_weight_that_weighs_nothing_is_an_error(
    write_plain: Callable[..., str], wrong: float
) -> None:
    file = write_plain(
        floats(bought=1.0, example_weight=1.0), floats(bought=0.0, example_weight=wrong)
    )
    reader = float_reader(["bought", "example_weight"], WEIGHTED)
    batches = reader.evaluation_batches([file])

    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=rf"Column `times_seen` .* must be 0 or more and finite.*\[{wrong:g}\]",
    ):
        next(iter(batches))


def test_other_count_than_told_is_an_error() -> None:
    check_count("train", 5, 5)
    check_count("train", 5, None)
    with pytest.raises(ValueError, match=r"'train' .* has 4 examples .* 5 were"):
        check_count("train", 4, 5)


def test_batch_to_predict_needs_no_label() -> None:
    features = FeatureSet.model_validate(
        {
            "features": {"user": {"table": "user"}},
            "numbers": {"price": {}},
            "tables": {"user": {"dim": 2}},
        }
    )
    transformed = {"user": tf.constant([3, 4]), "price": tf.constant([0.5, 0.25])}

    batch = unlabelled_batch(transformed, features, batch_size=2)

    assert batch.ids == {"user": transformed["user"]}
    assert batch.numbers == {"price": transformed["price"]}
    for absent in (batch.labels, batch.example_weights, batch.is_example):
        assert absent.shape == [2]
