"""`check` reads every file of every split: empty, broken and unlike ones are told."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from shardline_tests import load

from shardline.components.checker.report import Report

written = load(Path(__file__).with_name("written_files.py"))
ROWS = written.ROWS
FORMS = written.FORMS
good = written.good
faults = written.faults


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


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", "::", " "])
def test_key_that_is_told_mends_the_fault(
    delimiter: str, checked: Callable[..., Report]
) -> None:
    rows = [list(good()), *zip(*good().values(), strict=True)]
    text = "".join(f"{delimiter.join(map(str, row))}\n" for row in rows).encode()
    files = {"train-0": text, "late-0": text}
    told, *_ = faults(checked("csv", files))
    key = re.search(r"`data\.files\.(dialect: \{.*?\})`", told)
    assert key

    report = checked("csv", files, {"format: csv": f"{key[1]}, format: csv"})

    assert not report.faults
    assert report.rows == ROWS
