"""`check` looks at every file of every split, and at how many rows there are."""

import gzip
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from shardline.components.checker import split_files
from shardline.components.checker.checking import check
from shardline.components.checker.report import Report

ROWS = 12
CONFIG = """\
name: files
data:
  path: FOLDER
  files: {format: FORMAT, splits: {train: 'train-*', late: 'late-*'}}
  label: label
features:
  item: {table: item}
numbers:
  age: {}
tables:
  item: {dim: 4}
"""
TRAINING = {
    "tables:": "training: {batch_size: BATCH, epochs: 1}\nevaluation: {min_auc: 0}\n"
    "tables:",
    "late: 'late-*'": "eval: 'late-*'",
}
FORMS = ("csv", "tfrecord", "parquet")
Columns = Mapping[str, Sequence[Any]]


def good(rows: int = ROWS) -> dict[str, list[Any]]:
    return {
        "item": [f"i{i % 5}" for i in range(rows)],
        "age": [20.5 + i for i in range(rows)],
        "label": [i % 2 for i in range(rows)],
    }


def content_of(columns: Columns, form: str, path: Path) -> None:
    if form == "parquet":
        pq.write_table(pa.table(dict(columns)), path)
        return
    rows = list(zip(*columns.values(), strict=True))
    if form == "csv":
        lines = [",".join(map(str, row)) for row in [tuple(columns), *rows]]
        path.write_text("".join(f"{line}\n" for line in lines))
        return
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            example = tf.train.Example()
            for name, value in zip(columns, row, strict=True):
                feature = example.features.feature[name]
                if isinstance(value, str):
                    feature.bytes_list.value.append(value.encode())
                else:
                    feature.float_list.value.append(value)
            writer.write(example.SerializeToString())


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Report]:
    """Writes files of two splits and a configuration, and checks them."""

    def run(
        form: str,
        files: Mapping[str, Columns | bytes],
        changes: Mapping[str, str] | None = None,
        rows: int = 1000,
    ) -> Report:
        for name, columns in ({"late-0": good()} | dict(files)).items():
            if isinstance(columns, bytes):
                (tmp_path / name).write_bytes(columns)
            else:
                content_of(columns, form, tmp_path / name)
        text = CONFIG.replace("FOLDER", str(tmp_path)).replace("FORMAT", form)
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "files.yaml").write_text(text)
        return check(tmp_path / "files.yaml", rows, lambda _: None)

    return run


def faults(report: Report) -> list[str]:
    return [located.text.partition(": ")[2] for located in report.faults]


@pytest.mark.parametrize("split", ["train", "late"])
@pytest.mark.parametrize("form", FORMS)
def test_empty_file_beside_others_is_a_note(
    form: str, split: str, checked: Callable[..., Report], tmp_path: Path
) -> None:
    files = {"train-0": good(), f"{split}-1": b"", f"{split}-2": b""}

    report = checked(form, files)

    assert not report.faults
    note = (
        f"2 of 3 files of split `{split}` have no row and are left out, such as "
        f"{tmp_path}/{split}-1."
    )
    assert note in report.notes


@pytest.mark.parametrize(
    ("form", "empty"),
    [("csv", b"item,age,label\n"), ("csv", b"\xef\xbb\xbf"), ("parquet", {})],
)
def test_file_without_a_row_is_a_note(
    form: str, empty: Any, checked: Callable[..., Report]
) -> None:
    empty = empty or {name: pa.array([], pa.int64()) for name in good()}

    report = checked(form, {"train-0": empty, "train-1": good()})

    assert not report.faults
    assert report.rows == ROWS
    assert any("1 of 2 files of split `train` have no row" in n for n in report.notes)


@pytest.mark.parametrize("split", ["train", "late"])
@pytest.mark.parametrize("form", FORMS)
def test_split_without_any_row_is_a_fault(
    form: str, split: str, checked: Callable[..., Report], tmp_path: Path
) -> None:
    files = {"train-0": good()} | {f"{split}-{i}": b"" for i in range(2)}

    (fault,) = faults(checked(form, files))

    assert fault == (
        f"split `{split}`: none of its 2 files has a row, such as {tmp_path}/{split}-0."
        " Write rows, or correct the pattern."
    )


@pytest.mark.parametrize("split", ["train", "late"])
@pytest.mark.parametrize("form", FORMS)
def test_broken_file_behind_a_good_one_is_a_fault(
    form: str, split: str, checked: Callable[..., Report], tmp_path: Path
) -> None:
    broken = b"\x00\xff\n" * 99

    (fault,) = faults(checked(form, {"train-0": good(), f"{split}-9": broken}))

    assert fault.startswith(f"split `{split}`: {tmp_path}/{split}-9: ")


def test_broken_gzip_behind_a_good_one_is_a_fault(
    checked: Callable[..., Report], tmp_path: Path
) -> None:
    text = b"item,age,label\n" + b"a,1,0\nb,2,1\n" * 9
    files = {"train-0.gz": gzip.compress(text), "train-1.gz": text}

    (fault,) = faults(checked("csv", files))

    assert f"{tmp_path}/train-1.gz: is not a gzip, as its name says." in fault


@pytest.mark.parametrize("split", ["train", "late"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_file_with_other_columns_is_a_fault(
    form: str, split: str, checked: Callable[..., Report], tmp_path: Path
) -> None:
    other = {"itm" if name == "item" else name: v for name, v in good().items()}

    (fault,) = faults(checked(form, {"train-0": good(), f"{split}-1": other}))

    what = "header" if form == "csv" else "schema"
    assert fault == (
        f"split `{split}`: {tmp_path}/{split}-1: its {what} names 0 columns `item`, "
        "expected one; it names itm, age, label. Correct the file, or the name in the "
        "configuration."
    )


def test_names_of_files_and_columns_are_shown_without_control_characters(
    checked: Callable[..., Report],
) -> None:
    files = {"train-0": good(), "train-\x1b1": b"a\x1bb,c\n1,2\n", "train-\x1b2": b""}

    report = checked("csv", files)

    (fault,) = faults(report)
    assert r"train-\x1b1: its header names" in fault
    assert r"it names a\x1bb, c." in fault
    assert any(r"such as" in note and r"train-\x1b2." in note for note in report.notes)


def test_first_file_with_other_columns_is_the_one_fault(
    checked: Callable[..., Report], tmp_path: Path
) -> None:
    other = {"x": good()["item"], "age": good()["age"]}

    report = checked("csv", {"train-0": other, "train-1": good()})

    (fault,) = faults(report)
    assert fault.startswith(f"split `train`: {tmp_path}/train-0: its header names 0")
    assert report.rows == ROWS


def test_bad_file_that_is_skipped_is_a_hint_beside_good_ones(
    checked: Callable[..., Report], tmp_path: Path
) -> None:
    changes = {"splits:": "on_bad_file: skip, splits:"}
    bad = {"train-1": b"x,y\n1,2\n"}

    report = checked("csv", {"train-0": good()} | bad, changes)
    (tmp_path / "train-0").unlink()
    alone = checked("csv", bad, changes)

    assert not report.faults
    (hint,) = [located.text for located in report.hints]
    assert f"split `train`: {tmp_path}/train-1: its header names 0 columns" in hint
    assert alone.faults


@pytest.mark.parametrize("is_skipped", [True, False])
def test_file_that_is_damaged_after_its_start_is_a_hint_where_it_is_skipped(
    checked: Callable[..., Report], tmp_path: Path, is_skipped: bool
) -> None:
    header = ",".join(good()).encode()
    rows = b"".join(b"i%d,%d.5,%d\n" % (n, n * n, n % 2) for n in range(500))
    cut = gzip.compress(header + b"\n" + rows)[:-50]
    changes = {"splits:": "on_bad_file: skip, splits:"} if is_skipped else {}

    report = checked("csv", {"train-0": good(), "train-1.gz": cut}, changes)

    told = [located.text for located in report.hints] if is_skipped else faults(report)
    damaged = f"split `train`: {tmp_path}/train-1.gz: its gzip is cut off"
    assert any(damaged in text for text in told)
    assert bool(report.faults) != is_skipped
    if is_skipped:  # rows before the damage are used
        assert report.rows is not None
        assert report.rows > ROWS
    else:
        assert report.rows is None


def test_many_faulty_files_are_told_in_few_lines(
    checked: Callable[..., Report], tmp_path: Path
) -> None:
    files = {"train-0": good()} | {f"train-{i}": b"x,y\n1,2\n" for i in range(1, 8)}

    told = faults(checked("csv", files))

    assert len(told) == 4
    more = f"4 more of 8 files are like that, such as {tmp_path}/train-7."
    assert f"split `train`: {more}" in told


def test_second_file_without_a_header_is_told_so(
    checked: Callable[..., Report], tmp_path: Path
) -> None:
    files = {"train-0": good(), "train-1": b"i3,7.5,1\ni4,8.5,0\n"}

    (fault,) = faults(checked("csv", files))

    assert (
        f"{tmp_path}/train-1: has no header: its first line holds '7.5', '1'" in fault
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "item\tage\tlabel\na\t1\t0\n",
            r"one cell with tabs in it, 'item\tage\tlabel'",
        ),
        ("item;age;label\na;1,5;0\n", "one cell with semicolons in it"),
        ("item|age|label\na|1|0\n", "one cell with `|` in it"),
        ("item age label\na 1 0\n", "one cell with blanks in it"),
        ("1::2::0\n3::4::1\n", "one cell with `::` in it"),
        ("item,age,label\na\t1\t0\n", "has the header's 3 cells; the first has 1."),
        ("a,1.5,0\nb,2.5,1\n", "has no header: its first line holds '1.5', '0', as"),
        ("a,b,c\nx,b,c\ny,b,c\n", "has no header: its first line holds 'b', 'c', as"),
    ],
)
def test_text_that_is_no_csv_with_a_header_is_one_fault(
    text: str, told: str, checked: Callable[..., Report], tmp_path: Path
) -> None:
    (fault,) = faults(checked("csv", {"train-0": text.encode()}))

    assert fault.startswith(f"split `train`: {tmp_path}/train-0: ")
    assert told in fault


@pytest.mark.parametrize("separator", ["\t", ";", "|", "::", " "])
def test_command_that_is_told_writes_commas(
    separator: str, checked: Callable[..., Report], tmp_path: Path
) -> None:
    rows = [list(good()), *zip(*good().values(), strict=True)]
    text = "".join(f"{separator.join(map(str, row))}\n" for row in rows)
    (fault,) = faults(checked("csv", {"train-0": text.encode()}))
    command = fault.split("`")[-2]
    command = command.replace("python ", f"{sys.executable} ", 1)
    command = command.replace("NEW_FILE", "new").replace("FILE", "train-0")

    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)

    report = checked("csv", {"train-0": (tmp_path / "new").read_bytes()})
    assert not report.faults
    assert report.rows == ROWS


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
