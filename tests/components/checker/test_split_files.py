"""The files of a split: what they name, which can be used, what is wrong with them."""

from shardline.components.checker.split_files import (
    SplitFiles,
    file_findings,
    lacking,
    notes,
)
from shardline.components.readers.files.heads import Head

GOOD = Head("good", ("a", "b"), 3)
EMPTY = Head("empty", rows=0)
BROKEN = Head("broken", fault="cannot be read.")
OTHER = Head("other", ("a", "c"), 2)


def split_of(*heads: Head, more: int = 0) -> SplitFiles:
    files = [*(head.file for head in heads), *(f"more{i}" for i in range(more))]
    return SplitFiles("train", heads, tuple(files))


def test_only_files_with_rows_and_each_column_once_are_usable() -> None:
    split = split_of(GOOD, EMPTY, BROKEN, OTHER, Head("twice", ("a", "a", "b"), 1))

    assert split.usable(["a", "b"]) == ["good"]
    assert split.columns == ("a", "b", "c")
    assert split.names("c") is True
    assert split.names("d") is False


def test_rows_are_known_if_every_start_tells() -> None:
    assert split_of(GOOD, OTHER).rows == 5
    assert split_of(GOOD, more=1).rows is None
    assert split_of(Head("csv", ("a",), None)).rows is None


def test_files_that_each_name_their_own_columns_take_reading() -> None:
    split = split_of(Head("tfrecord", (), 3))

    assert split.names("a") is None
    assert not lacking(split.heads[0], ["a"])


def test_bad_files_are_hints_beside_good_ones_if_they_are_skipped() -> None:
    for is_skipped in (True, False):
        findings = list(
            file_findings(split_of(GOOD, BROKEN), ["a"], is_skipped=is_skipped)
        )

        assert [finding.message for finding in findings] == ["broken: cannot be read."]
        assert [finding.is_fault for finding in findings] == [not is_skipped]
        assert findings[0].config_path == ("data", "files", "splits", "train")


def test_split_without_rows_is_a_fault() -> None:
    (finding,) = file_findings(split_of(EMPTY), ["a"], is_skipped=True)

    assert finding.message == "empty has no row."
    assert finding.is_fault


def test_file_with_other_columns_says_what_it_names() -> None:
    (finding,) = file_findings(split_of(GOOD, OTHER), ["a", "b"], is_skipped=False)

    assert finding.message == (
        "other: its schema names 0 columns `b`, expected one; it names a, c. Correct "
        "the file, or the name in the configuration."
    )


def test_what_is_not_looked_at_is_a_note() -> None:
    assert list(notes(split_of(GOOD, EMPTY, more=2))) == [
        "Split `train` has 4 files; the first 2 were looked at.",
        "1 of 2 files of split `train` have no row and are left out, such as empty.",
    ]
