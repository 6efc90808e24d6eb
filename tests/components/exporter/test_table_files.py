"""Rows of a checkpoint's slices, in a model's files: whole, checked, and the same."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.exporter.table_files import TableRows, write_tables
from shardline.embedding.serving.tables import Precision, ServingTable, decoded, encoded

DIM = 3
ROWS = np.random.default_rng(2).normal(size=(10, DIM)).astype(np.float32)
TWO_HOSTS = ((0, 2), (2, 5), (5, 9), (9, 10))


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a checkpoint in slices, and the model of its tables."""

    def write(
        precisions: dict[str, Precision],
        rows: np.ndarray = ROWS,
        slices: Sequence[tuple[int, int]] = TWO_HOSTS,
        asked_rows: int = len(ROWS),
    ) -> Path:
        prefix = str(tmp_path / "checkpoint")
        names = [
            f"embedding/{table}/.ATTRIBUTES/VARIABLE_VALUE" for table in precisions
        ]
        tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=[name for name in names for _ in slices],
            shape_and_slices=[
                f"{len(rows)} {DIM} {a},{b - a}:0,{DIM}" for a, b in slices
            ]
            * len(names),
            tensors=[rows[a:b] for a, b in slices] * len(names),
        )
        tables = [
            TableRows(t, asked_rows, DIM, precision)
            for t, precision in precisions.items()
        ]
        module = tf.Module()
        module.tables = {t.name: ServingTable(DIM, [0], t.precision) for t in tables}
        module.dense = [tf.Variable([1.5, 2.5])]
        tf.saved_model.save(module, str(tmp_path / "model"))
        write_tables(str(tmp_path / "model"), prefix, tables)
        return tmp_path / "model"

    return write


def parts(model: Any, table: str) -> dict[str, np.ndarray]:
    return {name: part.numpy() for name, part in model.tables[table].parts.items()}


def test_tables_of_every_form_are_loaded_as_they_were_encoded(
    written: Callable[..., Path],
) -> None:
    precisions = {"a": "float32", "b": "int8", "c": "float16"}

    model = tf.saved_model.load(str(written(precisions)))

    np.testing.assert_array_equal(model.dense[0], [1.5, 2.5])
    np.testing.assert_array_equal(parts(model, "a")["rows"], ROWS)
    for table, precision in precisions.items():
        expected = encoded(precision, ROWS)
        held = parts(model, table)
        assert held.keys() == expected.keys()
        for name, values in expected.items():
            assert held[name].dtype == values.dtype
            np.testing.assert_array_equal(held[name], values)
        assert np.abs(decoded(precision, held) - ROWS).max() < 0.02


def test_bytes_depend_on_the_rows_and_not_on_how_they_were_stored(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    first = files(written({"a": "float32", "b": "int8"}))
    (tmp_path / "model").rename(tmp_path / "first")

    assert files(written({"a": "float32", "b": "int8"}, slices=[(0, 10)])) == first


def files(model: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (model / "variables").iterdir()}


def test_regions_say_where_each_part_of_a_table_lies(
    written: Callable[..., Path],
) -> None:
    model = written({"a": "float16", "b": "int8"})

    regions = json.loads((model / "assets.extra/rows.json").read_text())["regions"]

    first, second = (f"variables/variables.data-0000{n}-of-00003" for n in (1, 2))
    assert regions == [
        {"file": first, "offset": 0, "rows": 10, "row_bytes": 6},
        {"file": second, "offset": 0, "rows": 10, "row_bytes": 3},
        {"file": second, "offset": 30, "rows": 10, "row_bytes": 4},
    ]
    rows, scales = encoded("int8", ROWS)["rows"], encoded("int8", ROWS)["scales"]
    assert (model / first).read_bytes() == ROWS.astype(np.float16).tobytes()
    assert (model / second).read_bytes() == rows.tobytes() + scales.tobytes()


def test_loading_a_damaged_table_is_an_error(written: Callable[..., Path]) -> None:
    model = written({"a": "float32"})
    file = model / "variables" / "variables.data-00001-of-00002"
    content = bytearray(file.read_bytes())
    content[17] ^= 1
    file.write_bytes(content)

    with pytest.raises(tf.errors.DataLossError, match="Checksum does not match"):
        tf.saved_model.load(str(model))


def test_damaged_checkpoint_is_an_error(
    written: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = tf.train.load_checkpoint

    def damaged(prefix: str) -> Any:
        data = Path(f"{prefix}.data-00000-of-00001")
        data.write_bytes(bytes(len(data.read_bytes())))
        return load(prefix)

    monkeypatch.setattr(tf.train, "load_checkpoint", damaged)

    with pytest.raises(tf.errors.DataLossError, match="Checksum does not match"):
        written({"a": "float32"})


def test_table_of_another_shape_than_the_manifest_says_is_an_error(
    written: Callable[..., Path],
) -> None:
    with pytest.raises(
        ValueError,
        match=r"Table 'a' has the shape \[10, 3\] in checkpoint .*, its manifest says "
        r"\[11, 3\]",
    ):
        written({"a": "float32"}, asked_rows=11)


@pytest.mark.parametrize(
    ("precision", "value"),
    [
        ("int8", float("nan")),
        ("int8", float("-inf")),
        ("float16", float("nan")),
        ("float16", -65536.0),
    ],
)
def test_row_that_its_form_cannot_hold_is_an_error(
    written: Callable[..., Path], precision: str, value: float
) -> None:
    rows = ROWS.copy()
    rows[6, 1] = value

    with pytest.raises(
        ValueError,
        match=rf"Table 'a': row 6 holds a value that is not finite or larger than "
        rf".*, which {precision} cannot hold\. Serve the table as float32",
    ):
        written({"a": precision}, rows=rows)


def test_float32_holds_every_value(written: Callable[..., Path]) -> None:
    rows = ROWS.copy()
    rows[6] = [float("nan"), float("inf"), 1e38]

    model = tf.saved_model.load(str(written({"a": "float32"}, rows=rows)))

    np.testing.assert_array_equal(parts(model, "a")["rows"], rows)
