"""A column of any type either fits or is told in a line, by whatever reads it."""

import datetime
import random
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from shardline.components.checker.checking import check
from shardline.components.checker.report import Report
from shardline.pipeline.commands.app import app
from shardline.pipeline.commands.check import print_report

ROWS = 12
CONFIG = """\
name: any
data:
  path: data.parquet
  files: {format: parquet, splits: {train: data.parquet}}
  label: label
features:
  one: {table: a, column: x0}
  range: {table: b, column: x1, ids: {range: 100}}
  many: {table: c, column: x2, combiner: sum}
  known: {table: d, combiner: sum, weights: x3}
  hashed: {table: e, column: x4, dtype: int64, ids: {hash_buckets: 9}, default: 0}
numbers:
  number: {column: x5, missing: mean}
tables: {a: {dim: 4}, b: {dim: 4}, c: {dim: 4}, d: {dim: 4}, e: {dim: 4}}
"""
WHOLE = list(range(ROWS))


def of(values: list[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind)


def cast(kind: pa.DataType, values: list[int] | None = None) -> pa.Array:
    storage = pa.int32() if kind.bit_width == 32 else pa.int64()
    return pa.array(values or WHOLE, storage).cast(kind)


STRUCT = pa.struct([("a", pa.int64())])
COLUMNS = {
    "null": pa.nulls(ROWS),
    "bool": of([i % 2 == 0 for i in WHOLE], pa.bool_()),
    "uint64": of([2**63 + i for i in WHOLE], pa.uint64()),
    "half": pa.array(np.arange(ROWS, dtype=np.float16)),
    "NaN of half": pa.array(np.full(ROWS, np.nan, np.float16)),
    "infinity": of([np.inf] * ROWS, pa.float64()),
    "large string": of([f"s{i}" for i in WHOLE], pa.large_string()),
    "no UTF-8": of([b"\xff%d" % i for i in WHOLE], pa.binary()),
    "fixed-size binary": of([b"%04d" % i for i in WHOLE], pa.binary(4)),
    "decimal": of(WHOLE, pa.decimal128(12, 2)),
    "wide decimal": of(WHOLE, pa.decimal256(50, 2)),
    "date": cast(pa.date32()),
    "date beyond Python's": cast(pa.date32(), [10**8] * ROWS),
    "time stamp": cast(pa.timestamp("ns", "Europe/Berlin")),
    "time stamp beyond Python's": cast(pa.timestamp("s"), [10**15] * ROWS),
    "time": cast(pa.time64("ns")),
    "duration": cast(pa.duration("ns")),
    "dictionary": pa.array([f"s{i % 3}" for i in WHOLE]).dictionary_encode(),
    "list of nulls": of([[None]] * ROWS, pa.list_(pa.int64())),
    "empty lists": of([[]] * ROWS, pa.list_(pa.int64())),
    "fixed-size list": of([[1.0, 2.0]] * ROWS, pa.list_(pa.float32(), 2)),
    "nested list": of([[["a"], ["b"]]] * ROWS, pa.list_(pa.list_(pa.string()))),
    "struct": of([{"a": i} for i in WHOLE], STRUCT),
    "struct of nulls": of([None] * ROWS, STRUCT),
    "struct of dates": pa.StructArray.from_arrays(
        [cast(pa.date32(), [10**8] * ROWS)], ["d"]
    ),
    "list of structs": of([[{"a": i}] for i in WHOLE], pa.list_(STRUCT)),
    "map": of([[("k", i)] for i in WHOLE], pa.map_(pa.string(), pa.int64())),
    "list of dates": of(
        [[datetime.date(2024, 1, 1)]] * ROWS, pa.list_(pa.date32())
    ),
    "UUID": pa.ExtensionArray.from_storage(
        pa.uuid(), of([b"%016d" % i for i in WHOLE], pa.binary(16))
    ),
    "tensor": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), [2]),
        of([[1.0, 2.0]] * ROWS, pa.list_(pa.float32(), 2)),
    ),
    "Boolean in a byte": pa.ExtensionArray.from_storage(
        pa.bool8(), of([i % 2 for i in WHOLE], pa.int8())
    ),
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a column in all places that read one, and a configuration."""
    monkeypatch.chdir(tmp_path)

    def written(column: pa.Array, config: str = CONFIG) -> Path:
        columns = {f"x{i}": column for i in range(6)}
        columns |= {"known": pa.array(["k"] * ROWS), "label": [i % 2 for i in WHOLE]}
        pq.write_table(pa.table(columns), tmp_path / "data.parquet")
        (tmp_path / "any.yaml").write_text(config)
        return Path("any.yaml")

    return written


def assert_fits_or_is_told(report: Report) -> None:
    told = {located.finding.column for located in report.faults}
    for column in report.columns:
        is_there = column.name in told or report.verdict.endswith("sampled")
        fits = column.found in column.expected or column.found in (
            "int64",
            "float",
            "uint64",
        )
        assert is_there or fits, (column, report.faults)
    for located in report.faults:
        assert "\n" not in located.text
        told_by = ("data.parquet, example ", "has no value", "holds ids from")
        assert any(words in located.text for words in told_by)
        assert located.finding.remedy or located.text.endswith(".")
    for width in (60, 120):
        print_report(report, Console(file=StringIO(), width=width))


@pytest.mark.parametrize("name", COLUMNS)
def test_column_of_any_type_fits_or_is_told(
    name: str, config: Callable[..., Path]
) -> None:
    assert_fits_or_is_told(check(config(COLUMNS[name]), 1000, lambda _: None))


SINGLE: dict[pa.DataType, Callable[[int], Any]] = {
    pa.int8(): int,
    pa.uint32(): int,
    pa.float16(): np.float16,
    pa.float64(): float,
    pa.decimal128(9, 3): int,
    pa.string(): str,
    pa.binary(3): lambda i: b"%03d" % i,
    pa.bool_(): bool,
    pa.date32(): lambda i: datetime.date(2024, 1, 1 + i),
    pa.timestamp("ms"): lambda i: datetime.datetime(2024, 1, 1 + i),
    pa.time32("s"): datetime.time,
    pa.duration("us"): datetime.timedelta,
    pa.null(): lambda _: None,
}


def random_type(draw: random.Random, depth: int) -> pa.DataType:
    """Returns a type that Parquet can hold, of lists, maps and structs."""
    kind = draw.randrange(5 if depth else 1)
    if kind == 0:
        return draw.choice(list(SINGLE))
    inner = random_type(draw, depth - 1)
    if kind == 1:
        return pa.list_(inner)
    if kind == 2:
        return pa.large_list(inner)
    if kind == 3:
        return pa.map_(pa.string(), inner)
    return pa.struct([("a", inner), ("b", pa.int64())])


def random_value(draw: random.Random, kind: pa.DataType) -> Any:
    if draw.random() < 0.2:
        return None
    if pa.types.is_map(kind):
        return [("k", random_value(draw, kind.item_type))]
    if pa.types.is_struct(kind):
        return {field.name: random_value(draw, field.type) for field in kind}
    if pa.types.is_nested(kind):
        return [random_value(draw, kind.value_type) for _ in range(draw.randrange(4))]
    return SINGLE.get(kind, int)(draw.randrange(9))


@pytest.mark.parametrize("seed", range(40))
def test_random_type_fits_or_is_told(seed: int, config: Callable[..., Path]) -> None:
    draw = random.Random(seed)
    kind = random_type(draw, 3)
    column = pa.array([random_value(draw, kind) for _ in range(ROWS)], kind)

    assert_fits_or_is_told(check(config(column), 1000, lambda _: None))


@pytest.mark.parametrize("command", ["plan", "preprocess"])
@pytest.mark.parametrize(
    "name", ["struct", "map", "list of structs", "date", "fixed-size binary", "UUID"]
)
def test_plan_and_preprocess_refuse_the_type_in_a_line(
    name: str, command: str, config: Callable[..., Path], tmp_path: Path
) -> None:
    path = config(COLUMNS[name])
    options = ["--output", str(tmp_path / "out")] if command == "preprocess" else []

    result = CliRunner().invoke(app, [command, str(path), *options])

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    (line,) = [t for t in result.output.splitlines() if "column `x0`" in t]
    assert "data.parquet: its column `x0` holds values of type" in line
    assert "expected string. Write " in line
