"""The tokens that are counted are the tokens that the graph makes ids of."""

from collections import Counter
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.features.graph.raw_adapter import RawAdapter
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.single_values import as_values
from shardline.components.features.ids import tensor_tokens as graph
from shardline.components.features.ids.arrow_tokens import (
    column_of,
    counted_tokens,
    crossed,
)
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Feature, FeatureSet, Ids, Table

batch_of = load("components/features/analysis/batches.py").batch_of

# A feature, what else says what its columns hold, rows, and its tokens of each row.
CASES = {
    "single": (Feature(table="t"), {}, [{"f": "a"}, {"f": "b"}], [["a"], ["b"]]),
    "int64": (Feature(table="t", dtype="int64"), {}, [{"f": -7}], [[-7]]),
    "ragged": (
        Feature(table="t", combiner="sum"),
        {},
        [{"f": ["a", "b"]}, {"f": []}],
        [["a", "b"], []],
    ),
    "missing_string": (
        Feature(table="t", default="none"),
        {},
        [{"f": "a"}, {"f": None}, {"f": ""}],
        [["a"], ["none"], ["none"]],
    ),
    "missing_int64": (
        Feature(table="t", dtype="int64", default=5),
        {},
        [{"f": 3}, {"f": None}],
        [[3], [5]],
    ),
    "missing_float": (
        Feature(table="t", ids=Ids(quantile_buckets=2), default=0.5),
        {},
        [{"f": 3.0}, {"f": None}, {"f": float("nan")}],
        [[3.0], [0.5], [0.5]],
    ),
    "no_value_of_ragged": (
        Feature(table="t", combiner="sum", default="none"),
        {},
        [{"f": ["a", "b"]}, {"f": []}],
        [["a", "b"], ["none"]],
    ),
    "cross_of_singles": (
        Feature(table="t", cross=("x", "y")),
        {},
        [{"x": "a", "y": "b"}, {"x": "c", "y": "d"}],
        [["a_X_b"], ["c_X_d"]],
    ),
    "cross_of_single_and_ragged": (
        Feature(table="t", cross=("x", "y"), combiner="sum"),
        {"y": Feature(table="u", combiner="sum")},
        [{"x": "a", "y": ["b", "c"]}, {"x": "d", "y": []}],
        [["a_X_b", "a_X_c"], []],
    ),
    "cross_of_ragged_and_int64": (
        Feature(table="t", cross=("x", "y"), combiner="sum"),
        {
            "x": Feature(table="u", combiner="sum"),
            "y": Feature(table="v", dtype="int64", combiner="sum"),
        },
        [{"x": ["a", "b"], "y": [1, -2]}],
        [["a_X_1", "a_X_-2", "b_X_1", "b_X_-2"]],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_arrow_and_tensor_tokens_are_equal(case: Any) -> None:
    feature, others, rows, expected = case
    features = FeatureSet(
        features={"f": feature, **others},
        tables={f.table: Table(dim=1) for f in (feature, *others.values())},
    )
    columns = raw_columns(features)
    batch = batch_of(columns, rows)
    read = RawAdapter(example_schema(columns)).tensors(batch)
    tensors = as_values(read, columns)

    counted = counted_tokens("f", feature, batch).to_pylist()
    made = graph.feature_tokens("f", feature, tensors)

    per_row = made.to_list() if isinstance(made, tf.RaggedTensor) else made.numpy()
    rows_of_graph = [row if isinstance(row, list) else [row] for row in per_row]
    assert [[_text(v) for v in row] for row in rows_of_graph] == expected
    assert Counter(map(_text, counted)) == Counter(v for row in expected for v in row)


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (None, [["b", "c"], ["d"]]),
        ("newest", [["b", "c"], ["d"]]),
        ("oldest", [["a", "b"], ["d"]]),
    ],
)
def test_sequence_keeps_one_end(keep: Any, expected: Any) -> None:
    feature = Feature(table="t", max_sequence_length=2, keep=keep)
    column = tf.ragged.constant([["a", "b", "c"], ["d"]])

    kept = graph.feature_tokens("f", feature, {"f": column}).to_list()

    assert [[_text(value) for value in row] for row in kept] == expected


def test_tokens_cut_off_a_sequence_are_counted() -> None:
    feature = Feature(table="t", max_sequence_length=1)
    features = FeatureSet(features={"f": feature}, tables={"t": Table(dim=1)})
    batch = batch_of(raw_columns(features), [{"f": ["a", "b"]}])

    assert counted_tokens("f", feature, batch).to_pylist() == [b"a", b"b"]


def test_cross_keeps_how_many_pairs_each_row_has() -> None:
    features = FeatureSet(
        features={
            "x": Feature(table="t", combiner="sum"),
            "y": Feature(table="t", combiner="sum"),
        },
        tables={"t": Table(dim=1)},
    )
    rows = [{"x": ["a"], "y": ["b", "c"]}, {"x": [], "y": ["d"]}, {"x": ["e"], "y": []}]
    batch = batch_of(raw_columns(features), rows)

    pairs = crossed(column_of(batch, "x"), column_of(batch, "y"))

    assert pairs.lengths.tolist() == [2, 0, 0]


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
