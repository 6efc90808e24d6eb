"""The first rows of files, whatever their columns hold."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from components.files import BadInputError, ReadRules, sample

ROWS = [{"a": f"x{i}", "n": i, "f": i + 0.5, "l": ["u", "v"]} for i in range(9)]


def rules_for(format_: str) -> ReadRules:
    return ReadRules(format_, {})


@pytest.mark.parametrize("name", ["a.tfrecord", "a.csv.gz", "a.parquet"])
def test_sample_has_all_columns_of_the_first_rows(
    name: str, write: Callable[..., str]
) -> None:
    format_ = name.removesuffix(".gz").rpartition(".")[2]
    batch = sample([write(name, ROWS)], rules_for(format_), 4)
    assert batch.num_rows == 4
    assert set(batch.schema.names) == {"a", "n", "f", "l"}


def test_types_are_those_of_the_file(write: Callable[..., str]) -> None:
    text = sample([write("a.csv", ROWS)], rules_for("csv"), 4)
    assert text.to_pylist()[1] == {"a": b"x1", "n": b"1", "f": b"1.5", "l": b"u|v"}
    rows = sample([write("a.parquet", ROWS)], rules_for("parquet"), 4)
    assert rows.schema.field("n").type == pa.int64()
    assert rows.to_pylist() == ROWS[:4]
    found = sample([write("a.tfrecord", ROWS)], rules_for("tfrecord"), 4)
    assert found.schema.field("l").type.value_type == pa.large_binary()
    assert found.column("n").to_pylist() == [[0], [1], [2], [3]]


def test_files_without_rows_are_passed_over(write: Callable[..., str]) -> None:
    files = [write("a.csv", b"a\n"), write("b.csv", b"a\n1\n")]
    assert sample(files, rules_for("csv"), 4).to_pylist() == [{"a": b"1"}]


def test_tf_examples_of_mixed_kinds_are_sampled(write: Callable[..., str]) -> None:
    rows = [{"a": 1, "b": 1, "c": 2}, b"\xff\xff", {"a": 1.5, "b": "x", "d": None}]
    batch = sample([write("a.tfrecord", rows)], rules_for("tfrecord"), 4)
    assert batch.to_pylist() == [
        {"a": [1.0], "b": [b"1"], "c": [2], "d": None},
        {"a": [1.5], "b": [b"x"], "c": None, "d": None},
    ]


def test_csv_columns_that_are_there_twice_are_left_out(
    write: Callable[..., str],
) -> None:
    file = write("a.csv", b"a,b,a\n1,2,3\n4,5\n")
    assert sample([file], rules_for("csv"), 4).to_pylist() == [{"b": b"2"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"a\n", r"a\.csv: no row that can be read. Correct `data.files`"),
        ("a.tfrecord", b"", r"a\.tfrecord: no row that can be read"),
        ("a.tfrecord", [b"\xff\xff"], r"a\.tfrecord: no row that can be read"),
        ("a.tfrecord", b"x" * 50, r"a\.tfrecord: is damaged: the record at byte 0"),
        ("a.parquet", b"x" * 50, r"a\.parquet: is damaged, or no Parquet file"),
        ("a.csv", b"", r"a\.csv: is empty, expected a header line"),
    ],
)
def test_nothing_to_sample_is_an_error(
    name: str, content: bytes, message: str, write: Callable[..., str]
) -> None:
    with pytest.raises(BadInputError, match=message):
        sample([write(name, content)], rules_for(name[2:]), 4)
