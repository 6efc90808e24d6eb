"""Some rows of several files, whatever their columns hold."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf

from shardline.components.readers.files import BadInputError, ReadSettings
from shardline.components.readers.files.sampling import Piece, sample, spread

ROWS = [{"a": f"x{i}", "n": i, "f": i + 0.5, "l": ["u", "v"]} for i in range(9)]
NAMES = ("a", "n", "f", "l")


def sampled(
    files: Sequence[str], format_: Any, rows: int, columns: Sequence[str] = NAMES
) -> list[Piece]:
    return sample(files, ReadSettings(format_, {}), rows, columns)


@pytest.mark.parametrize("name", ["a.tfrecord", "a.csv.gz", "a.parquet"])
def test_sample_has_the_columns_of_the_first_rows(
    name: str, write: Callable[..., str]
) -> None:
    format_ = name.removesuffix(".gz").rpartition(".")[2]
    (piece,) = sampled([write(name, ROWS)], format_, 4)
    assert piece.batch.num_rows == 4
    assert set(piece.batch.schema.names) == set(NAMES)
    assert not piece.is_whole


@pytest.mark.parametrize("format_", ["tfrecord", "csv", "parquet"])
@pytest.mark.parametrize("rows", [9, 10])
def test_file_is_whole_if_it_has_no_more_rows(
    format_: str, rows: int, write: Callable[..., str]
) -> None:
    (piece,) = sampled([write(f"a.{format_}", ROWS)], format_, rows)
    assert piece.batch.num_rows == 9
    assert piece.is_whole


def test_types_are_those_of_the_file(write: Callable[..., str]) -> None:
    (text,) = sampled([write("a.csv", ROWS)], "csv", 4)
    row = {"a": b"x1", "n": b"1", "f": b"1.5", "l": b"u|v"}
    assert text.batch.to_pylist()[1] == row
    (rows,) = sampled([write("a.parquet", ROWS)], "parquet", 4, ("n", "a"))
    assert rows.batch.schema.field("n").type == pa.int64()
    assert rows.batch.to_pylist() == [{"n": r["n"], "a": r["a"]} for r in ROWS[:4]]
    (found,) = sampled([write("a.tfrecord", ROWS)], "tfrecord", 4)
    assert found.batch.schema.field("l").type.value_type == pa.large_binary()
    assert found.batch.column("n").to_pylist() == [[0], [1], [2], [3]]


def test_rows_of_several_row_groups_come_together(write: Callable[..., str]) -> None:
    file = write("a.parquet", pa.table({"a": list(range(9))}))
    pa.parquet.write_table(pa.table({"a": list(range(9))}), file, row_group_size=2)
    (piece,) = sampled([file], "parquet", 7)
    assert piece.batch.column("a").to_pylist() == list(range(7))


def test_rows_are_spread_over_files_and_what_one_lacks_is_left_to_others(
    write: Callable[..., str],
) -> None:
    counts = {"a": 1, "b": 50, "c": 50}
    files = [
        write(f"{name}.csv", b"a\n" + b"1\n" * count) for name, count in counts.items()
    ]
    pieces = sampled(files, "csv", 21)
    assert [piece.batch.num_rows for piece in pieces] == [1, 10, 10]
    assert [piece.is_whole for piece in pieces] == [True, False, False]
    assert [piece.file for piece in sampled(files, "csv", 1)] == [files[2]]


def test_spread_takes_ends_and_some_between() -> None:
    files = [f"{i:03}" for i in range(100)]
    some = spread(files)
    assert len(some) == 10
    assert (some[0], some[-1]) == ("000", "099")
    assert some == sorted(some)
    assert spread(files[:3]) == files[:3]
    assert spread([]) == []


def test_tf_examples_of_mixed_kinds_are_sampled(write: Callable[..., str]) -> None:
    rows = [{"a": 1, "b": 1, "c": 2}, b"\xff\xff", {"a": 1.5, "b": "x", "d": None}]
    (piece,) = sampled([write("a.tfrecord", rows)], "tfrecord", 4)
    assert piece.batch.to_pylist() == [
        {"a": [1.0], "b": [b"1"], "c": [2], "d": None},
        {"a": [1.5], "b": [b"x"], "c": None, "d": None},
    ]


def test_csv_columns_that_are_there_twice_are_left_out(
    write: Callable[..., str],
) -> None:
    file = write("a.csv", b"a,b,a\n1,2,3\n4,5\n")
    (piece,) = sampled([file], "csv", 4, ("a", "b"))
    assert piece.batch.to_pylist() == [{"b": b"2"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tfrecord", [b"text"], r"Its first record is no tf.Example: 4 bytes"),
        ("a.csv", b"a\n", r"a\.csv: no row that can be read. Correct `data.files`"),
        ("a.tfrecord", b"", r"a\.tfrecord: no row that can be read"),
        ("a.tfrecord", [b"\xff\xff"], r"a\.tfrecord: no row that can be read"),
        ("a.tfrecord", b"x" * 50, r"a\.tfrecord: is damaged: the record at byte 0"),
        ("a.parquet", b"x" * 50, r"a\.parquet: is damaged, or no Parquet file"),
        ("a.csv", b"", r"a\.csv: its first line is empty, expected a"),
    ],
)
def test_nothing_to_sample_is_an_error(
    name: str, content: bytes, message: str, write: Callable[..., str]
) -> None:
    with pytest.raises(BadInputError, match=message):
        sampled([write(name, content)], name[2:], 4)


@pytest.mark.parametrize("name", ["a.tfrecord", "a.csv.gz"])
def test_rows_before_damage_are_sampled_where_bad_files_are_skipped(
    name: str, write: Callable[..., str]
) -> None:
    file = Path(write(name, ROWS))
    file.write_bytes(file.read_bytes()[:-9])
    format_: Any = name.removesuffix(".gz").rpartition(".")[2]
    with pytest.raises(BadInputError, match="is cut off"):
        sampled([str(file)], format_, 99)
    skipping = ReadSettings(format_, {}, on_bad_file="skip")
    (piece,) = sample([str(file)], skipping, 99, NAMES)
    assert 8 <= piece.batch.num_rows <= 9
    assert "is cut off" in piece.fault
    assert not piece.is_whole


def test_records_of_other_types_are_left_out(write: Callable[..., str]) -> None:
    made = tf.train.SequenceExample()
    made.feature_lists.feature_list["tags"].feature.add().int64_list.value.append(1)
    record = made.SerializeToString()
    good = write("a.tfrecord", [record, *ROWS])
    bad = write("b.tfrecord", [record])
    (piece,) = sampled([good, bad], "tfrecord", 99)
    assert piece.batch.column("n").to_pylist() == [[row["n"]] for row in ROWS]
    with pytest.raises(BadInputError, match=r"holds tf.SequenceExamples.* `tags`"):
        sampled([bad], "tfrecord", 99)
