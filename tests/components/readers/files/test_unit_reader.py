"""What is read of good files, in every format: values, types, parts and splits."""

import decimal
import gzip
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files import BadInput, ReadSettings, Unit, read_unit
from shardline.components.readers.files.formats.csv import text as csv_text
from shardline.configs.column import Column

COLUMNS = {
    "user": Column("string"),
    "tags": Column("string", ragged=True),
    "weights": Column("float", ragged=True),
    "age": Column("int64", optional=True),
    "price": Column("float"),
    "label": Column("float"),
}
ROWS = [
    {
        "user": f"u{i}é",
        "tags": [f"t{j}" for j in range(i % 4)],
        "weights": [j + 0.5 for j in range(i % 4)],
        "age": i - 20 if i % 3 else None,
        "price": i / 4,
        "label": i % 2,
    }
    for i in range(40)
]
NAMES = ["a.tfrecord", "a.tfrecord.gz", "a.csv", "a.csv.gz", "a.parquet"]


def settings_for(name: str, columns: dict[str, Column] = COLUMNS, **more: Any) -> Any:
    return ReadSettings(name.removesuffix(".gz").rpartition(".")[2], columns, **more)


def rows_of(batches: list[pa.RecordBatch]) -> list[dict]:
    return [row for batch in batches for row in batch.to_pylist()]


def read(file: str, settings: ReadSettings, **more: Any) -> list[dict]:
    """All rows of a file, which has nothing bad."""
    bad = BadInput()
    unit = more.pop("unit", Unit(file))
    rows = rows_of([batch for _, batch in read_unit(unit, settings, bad, **more)])
    assert not bad
    return rows


def listed(value: Any) -> list:
    values = value if isinstance(value, list) else [value]
    return [v.encode() if isinstance(v, str) else v for v in values if v is not None]


EXPECTED = [{name: listed(value) for name, value in row.items()} for row in ROWS]


@pytest.mark.parametrize("name", NAMES)
def test_values_are_the_same_in_every_format(
    name: str, write: Callable[..., str]
) -> None:
    settings = settings_for(name, label="label", paired=(("weights", "tags"),))
    assert read(write(name, ROWS), settings) == EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_batches_are_canonical(name: str, write: Callable[..., str]) -> None:
    settings = settings_for(name, dict(reversed(COLUMNS.items())))
    types = {"string": pa.large_binary(), "int64": pa.int64(), "float": pa.float32()}
    batches = [
        b for _, b in read_unit(Unit(write(name, ROWS)), settings, BadInput(), 16)
    ]
    assert sum(batch.num_rows for batch in batches) == len(ROWS)
    for batch in batches:
        assert batch.num_rows <= 16
        assert batch.schema.names == list(settings.columns)
        for name_, column in COLUMNS.items():
            array = batch.column(name_)
            assert array.type == pa.large_list(types[column.dtype])
            assert array.null_count == array.flatten().null_count == 0


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 60])
@pytest.mark.parametrize("name", NAMES)
def test_parts_together_hold_every_row_once(
    name: str,
    parts: int,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", 100)
    file = write(name, ROWS)
    found = [
        read(file, settings_for(name), unit=Unit(file, part, parts), batch_rows=3)
        for part in range(parts)
    ]
    rows = sorted(chain(*found), key=lambda row: row["price"])
    assert rows == EXPECTED
    if 1 < parts < 10:
        assert all(found)


def test_long_records_make_small_batches(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "shardline.components.readers.files.formats.tfrecord._BATCH_BYTES", 1000
    )
    file = write("a.tfrecord", [{"a": "x" * 600}] * 6)
    settings = settings_for(file, {"a": Column("string")})
    sizes = [batch.num_rows for _, batch in read_unit(Unit(file), settings, BadInput())]
    assert sizes == [2, 2, 2]


def test_row_groups_with_long_lists_make_small_batches(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "shardline.components.readers.files.formats.parquet._BATCH_VALUES", 40
    )
    file = write("a.parquet", [{"a": list(range(20))}] * 5)
    settings = settings_for(file, {"a": Column("int64", ragged=True)})
    sizes = [batch.num_rows for _, batch in read_unit(Unit(file), settings, BadInput())]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("name", ["a.tfrecord", "a.csv", "a.parquet"])
def test_labels_from_a_value_on_are_positive(
    name: str, write: Callable[..., str]
) -> None:
    file = write(name, [{"label": stars} for stars in (1, 3, 4, 5)])
    settings = settings_for(
        name, {"label": Column("float")}, label="label", positive_from=3.5
    )
    assert [row["label"] for row in read(file, settings)] == [[0], [0], [1], [1]]


@pytest.mark.parametrize("name", ["a.tfrecord", "a.parquet"])
def test_whole_numbers_are_read_as_floats(name: str, write: Callable[..., str]) -> None:
    file = write(name, [{"a": 3, "b": [1, 2]}, {"a": 2**40, "b": []}])
    settings = settings_for(
        name, {"a": Column("float"), "b": Column("float", ragged=True)}
    )
    assert read(file, settings) == [
        {"a": [3.0], "b": [1, 2]},
        {"a": [2.0**40], "b": []},
    ]


def test_tf_examples_may_store_a_float_in_either_way(write: Callable[..., str]) -> None:
    values = [1, 2.5, None, 3, 4.5, 5, 6]
    file = write("a.tfrecord", [{"a": value} for value in values])
    settings = settings_for(file, {"a": Column("float", optional=True)})
    assert [row["a"] for row in read(file, settings)] == [listed(v) for v in values]


def test_tf_examples_may_lack_columns(write: Callable[..., str]) -> None:
    file = write("a.tfrecord", [{"a": "x"}, {}, {"b": [1, 2], "other": 3.0}])
    columns = {
        "a": Column("string", optional=True),
        "b": Column("int64", ragged=True),
    }
    assert read(file, settings_for(file, columns)) == [
        {"a": [b"x"], "b": []},
        {"a": [], "b": []},
        {"a": [], "b": [1, 2]},
    ]


def test_shards_of_a_pipeline_may_be_empty(write: Callable[..., str]) -> None:
    settings = settings_for("a.tfrecord", empty_files=True)
    assert read(write("a.tfrecord", b""), settings) == []
    assert read(write("a.tfrecord.gz", gzip.compress(b"")), settings) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a,b\n1,x\n2,y", [(1, "x"), (2, "y")], id="no last line end"),
        pytest.param("a,b\r\n1,x\r\n2,y\r\n", [(1, "x"), (2, "y")], id="carriage"),
        pytest.param("\ufeffa,b\n1,x\n", [(1, "x")], id="byte order mark"),
        pytest.param("a,b\n\n1,x\n\n\n2,y\n\n", [(1, "x"), (2, "y")], id="blank lines"),
        pytest.param('a,b\n1,"x, ""y"""\n', [(1, 'x, "y"')], id="quotes"),
        pytest.param('a,b\n1,"x\ny"\n2,z\n', [(1, "x\ny"), (2, "z")], id="line break"),
        pytest.param('a,b\n1,5" x 3"\n', [(1, '5" x 3"')], id="quotes inside"),
        pytest.param('c,b,c,"a"\n9,x,9,1\n', [(1, "x")], id="other columns twice"),
        pytest.param("b,a\nNA,1\nnull,2\n", [(1, "NA"), (2, "null")], id="no null"),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 6, 1 << 20])
def test_csv_text_is_read(
    text: str,
    expected: list,
    chunk_bytes: int,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", chunk_bytes)
    file = write("a.csv", text.encode())
    settings = settings_for(file, {"a": Column("int64"), "b": Column("string")})
    rows = read(file, settings)
    assert [(row["a"][0], row["b"][0].decode()) for row in rows] == expected


def test_csv_lists_are_split_at_the_separator(write: Callable[..., str]) -> None:
    file = write("a.csv", b"ids,x,w\n1 2 3,a b,0.5 1\n,,\n7,c,2\n")
    columns = {
        "ids": Column("int64", ragged=True),
        "x": Column("string", optional=True),
        "w": Column("float", ragged=True),
    }
    rows = read(file, settings_for(file, columns, list_separator=" "))
    assert [row["ids"] for row in rows] == [[1, 2, 3], [], [7]]
    assert [row["x"] for row in rows] == [[b"a b"], [], [b"c"]]
    assert [len(row["w"]) for row in rows] == [2, 0, 1]


def test_row_longer_than_a_chunk_is_read(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", 64)
    ids = [str(i) for i in range(5000)]
    file = write("a.csv", f"a,b\n1,{'|'.join(ids)}\n2,x\n".encode())
    columns = {"a": Column("int64"), "b": Column("string", ragged=True)}
    rows = read(file, settings_for(file, columns))
    assert [len(row["b"]) for row in rows] == [5000, 1]


@pytest.mark.parametrize(
    ("values", "stored", "column", "expected"),
    [
        (["x", None], pa.string(), "string?", [[b"x"], []]),
        (["x", "y"], pa.large_string(), "string", [[b"x"], [b"y"]]),
        ([b"x", b"y"], pa.binary(), "string", [[b"x"], [b"y"]]),
        (["x", "x"], pa.dictionary(pa.int32(), pa.string()), "string", [[b"x"]] * 2),
        ([np.float16(1.5), None], pa.float16(), "float?", [[1.5], []]),
        ([[1.0, 2.0]], pa.fixed_shape_tensor(pa.float32(), [2]), "floats",
         [[1.0, 2.0]]),
        ([1, 0], pa.bool8(), "int", [[1], [0]]),
        ([["x"], None], pa.list_(pa.string()), "strings", [[b"x"], []]),
        ([[["x"], ["y", "z"]], []], pa.list_(pa.list_(pa.string())), "strings",
         [[b"x", b"y", b"z"], []]),
        ([[[[1], []], [[2]]], [[], [[3]]]],
         pa.list_(pa.list_(pa.large_list(pa.int32()))), "ints", [[1, 2], [3]]),
        ([[1, 2], [3, 4]], pa.list_(pa.int64(), 2), "ints", [[1, 2], [3, 4]]),
        ([[1], [2]], pa.list_(pa.int64()), "int", [[1], [2]]),
        ([1, 2], pa.int8(), "int", [[1], [2]]),
        ([1, 2], pa.uint64(), "int", [[1], [2]]),
        ([True, False], pa.bool_(), "int", [[1], [0]]),
        ([True, False], pa.bool_(), "float", [[1.0], [0.0]]),
        ([1.5, -2.5], pa.float64(), "float", [[1.5], [-2.5]]),
        ([1.5, None], pa.float32(), "float?", [[1.5], []]),
        ([decimal.Decimal("1.25")], pa.decimal128(5, 2), "float", [[1.25]]),
        ([None, None], pa.null(), "string?", [[], []]),
        ([None, []], pa.list_(pa.null()), "ints", [[], []]),
    ],
    ids=str,
)  # fmt: skip
def test_parquet_types_are_read(
    values: list,
    stored: pa.DataType,
    column: str,
    expected: list,
    write: Callable[..., str],
) -> None:
    wanted = {
        "string": Column("string"),
        "string?": Column("string", optional=True),
        "strings": Column("string", ragged=True),
        "int": Column("int64"),
        "ints": Column("int64", ragged=True),
        "float": Column("float"),
        "float?": Column("float", optional=True),
        "floats": Column("float", ragged=True),
    }[column]
    table = pa.table({"a.b": pa.array(values, stored), "other": [0] * len(values)})
    file = write("a.parquet", table)
    rows = read(file, settings_for(file, {"a.b": wanted}))
    assert [row["a.b"] for row in rows] == expected
