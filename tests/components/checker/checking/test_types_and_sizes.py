"""`check` compares types over files, and sizes of batches with the examples."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.checker import split_files
from shardline.components.checker.report import Report

written = load(Path(__file__).with_name("written_files.py"))
ROWS = written.ROWS
TRAINING = written.TRAINING
FORMS = written.FORMS
good = written.good
content_of = written.content_of
faults = written.faults


def test_column_of_another_type_in_a_later_file_is_a_fault(
    checked: Callable[..., Report], tmp_path: Path
) -> None:
    files = {f"train-{i}": good() for i in range(4)}
    files["train-3"] = good() | {"item": list(range(ROWS))}

    (fault,) = faults(checked("parquet", files))

    assert fault.startswith(
        f"feature `item`: {tmp_path}/train-3, example 1: column `item` holds int64 "
        "values such as '0', expected one string."
    )


def test_bad_value_in_a_later_file_is_found(
    checked: Callable[..., Report], tmp_path: Path
) -> None:
    files = {f"train-{i}": good() for i in range(4)}
    files["train-2"] = good() | {"age": [*good()["age"][:-1], "old"]}

    (fault,) = faults(checked("csv", files))

    assert f"1 of 48 sampled examples cannot be used: {tmp_path}/train-2, " in fault
    assert f"example {ROWS}: column `age` does not hold one float" in fault


def test_whole_numbers_in_one_file_and_floats_in_another_fit(
    checked: Callable[..., Report],
) -> None:
    files = {"train-0": good(), "train-1": good() | {"age": list(range(ROWS))}}

    report = checked("parquet", files)

    assert not report.faults
    assert report.rows == 2 * ROWS


def test_only_so_many_files_are_looked_at(
    checked: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_files, "_LOOKED_AT", 2)

    report = checked("csv", {f"train-{i}": good() for i in range(3)})

    told = "Split `train` has 3 files; the first 2 were looked at."
    assert told in report.notes


SKIP = {"splits:": "on_bad_example: skip, on_bad_file: skip, splits:"}


@pytest.mark.parametrize("form", ["tfrecord", "parquet"])
def test_file_of_another_type_is_a_hint_where_it_is_skipped(
    form: str, checked: Callable[..., Report]
) -> None:
    files = {"train-0": good(400), "train-1": good(2) | {"age": ["a", "b"]}}

    report = checked(form, files, SKIP)
    (fault,) = faults(checked(form, files))

    assert not report.faults
    assert any("column `age` holds string values" in h.text for h in report.hints)
    assert "Other files hold float values: write them so in all files." in fault


@pytest.mark.parametrize("form", ["csv", "tfrecord"])
def test_damage_is_a_hint_where_bad_files_are_skipped(
    form: str, checked: Callable[..., Report], tmp_path: Path
) -> None:
    content_of(good(), form, tmp_path / "whole")
    content = gzip.compress((tmp_path / "whole").read_bytes())[:-9]
    files = {"train-0.gz": content}

    (fault,) = faults(checked(form, files))
    report = checked(form, files, SKIP)

    assert "its gzip is cut off" in fault
    assert not report.faults
    assert any("its gzip is cut off" in hint.text for hint in report.hints)


def test_column_that_another_split_lacks_is_a_fault(
    checked: Callable[..., Report],
) -> None:
    late = {"aeg" if name == "age" else name: v for name, v in good().items()}
    missing = {"age: {}": "age: {missing: mean}"}

    (fault,) = faults(checked("tfrecord", {"train-0": good(), "late-0": late}, missing))

    assert fault.startswith("split `late`: column `age` is in none of the 12 sampled ")
    assert "Did you mean `aeg`?" in fault


@pytest.mark.parametrize("file", ["train-0", "train-1"])
def test_record_of_another_type_is_a_fault_wherever_it_is(
    file: str, checked: Callable[..., Report], tmp_path: Path
) -> None:
    made = tf.train.SequenceExample()
    made.feature_lists.feature_list["tags"].feature.add().int64_list.value.append(1)
    content_of(good(), "tfrecord", tmp_path / "good")
    records = [
        bytes(r)
        for r in tf.data.TFRecordDataset(str(tmp_path / "good")).as_numpy_iterator()
    ]
    records = [made.SerializeToString(), *(records if file == "train-0" else [])]
    for order in (records, records[::-1]):
        with tf.io.TFRecordWriter(str(tmp_path / "bad")) as writer:
            for record in order:
                writer.write(record)
        files = {"train-0": good(), file: (tmp_path / "bad").read_bytes()}

        (fault,) = faults(checked("tfrecord", files))

        assert "is a tf.SequenceExample, expected a tf.Example" in fault


def batch_of(size: int) -> dict[str, str]:
    return TRAINING | {"tables:": TRAINING["tables:"].replace("BATCH", str(size))}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [1000, 5])
def test_batch_larger_than_the_data_is_a_fault(
    form: str, rows: int, checked: Callable[..., Report]
) -> None:
    files = {f"train-{i}": good() for i in range(2)}

    (fault,) = faults(checked(form, files, batch_of(25), rows))

    there = "24 examples" if rows > 2 * ROWS else "at most 24 examples"
    assert fault == (
        f"training: split `train` has {there}, fewer than one batch of 25. Lower "
        "`training.batch_size` to 24 or less."
    )
    assert not faults(checked(form, files, batch_of(24), rows))


def test_held_out_examples_are_not_in_a_batch(
    checked: Callable[..., Report],
) -> None:
    held_out = "eval: {column: age, at_least: 30}"
    changes = batch_of(11) | {
        ", late: 'late-*'}": "}, held_out: {" + held_out + "}",
    }
    del changes["late: 'late-*'"]

    (fault,) = faults(checked("csv", {"train-0": good()}, changes))

    assert "has 10 examples, fewer than one batch of 11" in fault
    assert "to 10 or less" in fault
