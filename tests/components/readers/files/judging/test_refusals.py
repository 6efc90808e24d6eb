"""What the sums of all rows tell: columns that are nowhere, lost rows, too many bad."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    LostRowsError,
    ReadSettings,
    Tally,
    Unit,
    read_unit,
    refuse,
)
from shardline.components.readers.files.formats.message_types import (
    feature_lists,
    is_example,
)
from shardline.configs.column import Column
from shardline.configs.data import HeldOut

COLUMNS = {
    "user": Column("string"),
    "tags": Column("string", ragged=True),
    "age": Column("float", optional=True),
}
SETTINGS = ReadSettings("tfrecord", COLUMNS)
ROWS = [{"user": f"u{i}", "tags": ["a"] * (i % 3), "age": i / 2} for i in range(40)]


def read(
    files: Sequence[str], settings: ReadSettings = SETTINGS, parts: int = 1
) -> tuple[Tally, BadInput]:
    """Sums of all parts of files, as workers send them."""
    tally, bad = Tally(), BadInput("skip", "skip")
    for file in files:
        for part in range(parts):
            counted, left_out = Tally(), settings.new_bad_input()
            unit = Unit(file, part, parts)
            list(read_unit(unit, settings, left_out, 8, tally=counted))
            tally.merge(Tally(**dataclasses.asdict(counted)))
            bad.merge(left_out)
    return tally, bad


def judge(
    files: Sequence[str], settings: ReadSettings = SETTINGS, parts: int = 1
) -> tuple[Tally, BadInput]:
    """Reads files of split train, and refuses what is to be."""
    tally, bad = read(files, settings, parts)
    refuse(tally, bad, {"train": files}, settings)
    return tally, bad


def renamed(row: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in row.items()}


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("column", ["tags", "age"])
def test_column_that_no_record_has_is_refused(
    column: str, parts: int, write: Callable[..., str]
) -> None:
    rows = [renamed(row, column, f"{column}s") for row in ROWS]
    file = write("a.tfrecord", rows)
    with pytest.raises(
        BadInputError,
        match=rf"Column `{column}` is in none of the 40 examples of split 'train'.*"
        rf"columns that are there: .*`{column}s`.*Did you mean `{column}s`\? ",
    ):
        judge([file], parts=parts)


def test_column_that_each_must_have_is_refused_by_name(
    write: Callable[..., str],
) -> None:
    file = write("a.tfrecord", [renamed(row, "user", "usr") for row in ROWS])
    said = r"has no column `user`: its columns are `age`, `tags`, `usr`. Did you mean"
    with pytest.raises(BadInputError, match=rf"a\.tfrecord, record 1: {said} `usr`\?"):
        read([file])
    skipping = dataclasses.replace(SETTINGS, on_bad_example="skip")
    with pytest.raises(BadInputError, match=r"Column `user` is in none of the 40"):
        judge([file], skipping)


def test_column_to_split_by_is_refused_by_name(write: Callable[..., str]) -> None:
    settings = dataclasses.replace(
        SETTINGS, held_out={"eval": HeldOut(column="aeg", fraction=0.5)}
    )
    said = r"record 1: has no column `aeg`: .* Did you mean `age`\?"
    with pytest.raises(BadInputError, match=said):
        read([write("a.tfrecord", ROWS)], settings)


@pytest.mark.parametrize("parts", [1, 3])
def test_one_record_that_has_the_column_is_enough(
    parts: int, write: Callable[..., str]
) -> None:
    rows = [{"user": row["user"]} for row in ROWS]
    files = [
        write("a.tfrecord", rows),
        write("b.tfrecord", [*rows, ROWS[4]]),
    ]
    tally, bad = judge(files, parts=parts)
    assert tally.having["train"] == {"user": 81, "tags": 1, "age": 1}
    assert not bad


@pytest.mark.parametrize(("weights", "ids"), [("tgas", "tags"), ("w", "tgs")])
def test_misspelt_column_of_a_pair_is_named(
    weights: str, ids: str, write: Callable[..., str]
) -> None:
    columns = {weights: Column("float", ragged=True), ids: Column("string", True)}
    settings = ReadSettings("tfrecord", columns, paired=((weights, ids),))
    rows = [{"tags": ["a", "b"], "w": [1.0, 2.0]}] * 3
    absent = weights if weights != "w" else ids
    with pytest.raises(BadInputError, match=rf"has no column `{absent}`.*Did you mean"):
        read([write("a.tfrecord", rows)], settings)


def test_column_with_empty_lists_alone_is_there(write: Callable[..., str]) -> None:
    made = tf.train.Example()
    made.features.feature["user"].bytes_list.value.append(b"u")
    made.features.feature["tags"].bytes_list.SetInParent()
    made.features.feature["age"].float_list.SetInParent()
    judge([write("a.tfrecord", [made.SerializeToString()] * 3)])
    judge([write("a.tfrecord", [{"user": "u", "tags": [], "age": None}] * 3)])


def test_each_split_must_have_its_columns(write: Callable[..., str]) -> None:
    rows = [{"day": n} | (row if n < 30 else {"user": "u", "age": 1.0})
            for n, row in enumerate(ROWS)]  # fmt: skip
    held_out = {"eval": HeldOut(column="day", at_least=30)}
    settings = dataclasses.replace(SETTINGS, held_out=held_out)
    with pytest.raises(BadInputError, match=r"`tags` is in none of the 10 .* 'eval'"):
        judge([write("a.tfrecord", rows)], settings)
    judge(
        [write("a.tfrecord", rows)],
        dataclasses.replace(settings, must_have_columns=False),
    )


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_column_of_a_file_without_any_value_is_there(
    name: str, write: Callable[..., str]
) -> None:
    rows = [{"user": "u", "tags": [], "age": None}] * 3
    judge([write(name, rows)], ReadSettings(name[2:], COLUMNS))


# Messages of other types


def sequence(lists: Mapping[str, Sequence[str]], **context: str) -> bytes:
    made = tf.train.SequenceExample()
    for name, value in context.items():
        made.context.feature[name].bytes_list.value.append(value.encode())
    for name, values in lists.items():
        steps = made.feature_lists.feature_list[name].feature
        for value in values:
            steps.add().bytes_list.value.append(value.encode())
    return made.SerializeToString()


@pytest.mark.parametrize(
    "record",
    [
        sequence({"tags": ["a", "b"]}, user="u"),
        sequence({"tags": []}, user="u" * 200),
        sequence({"tags": ["a" * 20_000]}),
    ],
)
def test_sequence_example_is_named(record: bytes, write: Callable[..., str]) -> None:
    assert not is_example(record)
    assert feature_lists(record) == ["tags"]
    said = r"is a tf.SequenceExample, expected a tf.Example: its feature lists are `tag"
    with pytest.raises(BadInputError, match=rf"a\.tfrecord, record 1: {said}"):
        read([write("a.tfrecord", [record] * 3)])
    skipping = dataclasses.replace(SETTINGS, on_bad_example="skip", max_bad_share=0.4)
    tally, bad = judge([write("a.tfrecord", [*ROWS[:3], record, record])], skipping)
    assert bad.rows == {"is a tf.SequenceExample, expected a tf.Example": 2}
    assert list(tally.given.values()) == [{"train": 3}]


@pytest.mark.parametrize(
    "record",
    [b"\x12\x03abc", b"\x18\x05", b"text", b"\x0a", b"\x0a\x80", b"\x0a\x05abc"],
)
def test_message_of_another_type_is_no_example(
    record: bytes, write: Callable[..., str]
) -> None:
    assert not is_example(record)
    with pytest.raises(BadInputError, match=r"record 2: is no tf.Example: \d bytes"):
        read([write("a.tfrecord", [ROWS[0], record])])


def test_examples_are_told_by_their_fields(write: Callable[..., str]) -> None:
    made = tf.train.Example()
    for size in (0, 1, 100, 127, 128, 20_000, 3_000_000):
        made.features.feature["a"].bytes_list.value[:] = [b"x" * size]
        record = made.SerializeToString()
        assert is_example(record)
        assert is_example(record + record)  # which protobuf merges
        assert not is_example(record[:-1])
    assert is_example(b"")


# Sums


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz", "a.csv", "a.parquet"])
def test_rows_in_are_rows_out(name: str, parts: int, write: Callable[..., str]) -> None:
    rows = [row | {"age": "old" if n == 7 else n} for n, row in enumerate(ROWS)]
    if "tfrecord" not in name:
        rows = [row | {"age": str(row["age"])} for row in rows]
    if "parquet" in name:  # whose columns have one type
        rows = [row | {"age": n, "user": "u" if n != 7 else None}
                for n, row in enumerate(ROWS)]  # fmt: skip
    form = name.removesuffix(".gz")[2:]
    settings = ReadSettings(form, COLUMNS, on_bad_example="skip", max_bad_share=0.03)
    file = write(name, rows)
    tally, bad = judge([file], settings, parts)
    assert tally.given == {file: {"train": 39}}
    assert tally.left_out == {file: 1}
    assert tally.stored == ({} if form == "csv" else {file: 40})
    assert bad.left_out == 1


def test_more_left_out_than_may_be_ends_with_reasons_and_remedies(
    write: Callable[..., str],
) -> None:
    files = [write("a.csv", [{"n": 1}] * 97), write("b.csv", [{"n": "x"}] * 3)]
    settings = ReadSettings("csv", {"n": Column("int64")}, on_bad_example="skip")
    with pytest.raises(BadInputError) as error:
        judge(files, settings)
    assert str(error.value).startswith(
        "3 of the 100 examples of split 'train' are bad (3.00%), more than "
        "`data.files.max_bad_share` allows (1.00%). Correct the files, or raise "
        "`data.files.max_bad_share`.\n3 examples left out: column `n` does not hold"
    )
    assert "b.csv, line 2: column `n`" in str(error.value)
    judge(files, dataclasses.replace(settings, max_bad_share=0.03))


@pytest.mark.parametrize(
    ("bad", "most", "is_refused"),
    [(1, 0.01, False), (2, 0.01, True), (1, 0.0, True), (2, 0.5, False)],
)
def test_single_example_ends_nothing_unless_none_may_be_left_out(
    bad: int, most: float, is_refused: bool, write: Callable[..., str]
) -> None:
    file = write("a.csv", [{"n": 1}] * 4 + [{"n": "x"}] * bad)
    settings = ReadSettings(
        "csv", {"n": Column("int64")}, on_bad_example="skip", max_bad_share=most
    )
    if is_refused:
        with pytest.raises(
            BadInputError, match=r"more than `data\.files\.max_bad_share"
        ):
            judge([file], settings)
    else:
        judge([file], settings)


def test_split_of_files_without_rows_is_refused(write: Callable[..., str]) -> None:
    files = [write("a.csv", b""), write("b.csv", b"n\n")]
    settings = ReadSettings("csv", {"n": Column("int64")})
    with pytest.raises(BadInputError, match=r"'train' has no row in 2 files") as error:
        judge(files, settings)
    assert "2 files without rows left out" in str(error.value)


def test_file_that_was_not_read_is_told(write: Callable[..., str]) -> None:
    files = [write("a.tfrecord", ROWS), write("b.tfrecord", ROWS)]
    tally, bad = read(files[:1])
    with pytest.raises(LostRowsError, match=r"1 of 2 files were not read, such as .*b"):
        refuse(tally, bad, {"train": files}, SETTINGS)


@pytest.mark.parametrize("name", ["a.tfrecord", "a.parquet"])
def test_part_that_was_not_read_is_told(name: str, write: Callable[..., str]) -> None:
    file = write(name, ROWS)
    settings = dataclasses.replace(SETTINGS, format=name[2:])
    tally, bad = Tally(), BadInput()
    list(read_unit(Unit(file, 0, 2), settings, bad, 8, tally=tally))
    with pytest.raises(LostRowsError, match=r"it holds 40 rows, and \d+ were read"):
        refuse(tally, bad, {"train": [file]}, settings)
