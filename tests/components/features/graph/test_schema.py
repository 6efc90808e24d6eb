"""The schema that columns give, and what a specification asks of columns in vain."""

from typing import Any

import pytest
import tensorflow as tf
from tensorflow_transform.tf_metadata import schema_utils

from shardline.components.features.graph.schema import column_faults, example_schema
from shardline.components.readers.example_reader import Column
from shardline.configs.schema import SGD, Feature, FeatureSet, Optimizer, Table, Target

COLUMNS = {
    "label": Column("float"),
    "hour": Column("int64"),
    "user": Column("string"),
    "tags": Column("string", ragged=True),
    "scores": Column("float", ragged=True),
}
KNOWN = "(hour, label, scores, tags, user)"
TARGET = Target(label="label")


def feature_set(**settings: Any) -> FeatureSet:
    """A set with the one feature `f`."""
    return FeatureSet(
        features={"f": Feature(table="t", **settings)},
        tables={"t": Table(dim=2, optimizer=Optimizer(sgd=SGD()))},
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"column": "user"},
        {"column": "tags", "combiner": "sum"},
        {"column": "tags", "max_sequence_length": 3},
        {"column": "tags", "combiner": "mean", "weights": "scores"},
    ],
    ids=["one_id", "pooled", "sequence", "weighted"],
)
def test_feature_that_fits_its_column_has_no_fault(settings: dict[str, Any]) -> None:
    assert column_faults(feature_set(**settings), TARGET, COLUMNS) == []


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            {"column": "usr"},
            f"feature `f`: column `usr` is not among the reader's columns {KNOWN}",
        ),
        ({}, f"feature `f`: column `f` is not among the reader's columns {KNOWN}"),
        (
            {"column": "user", "combiner": "sum"},
            "feature `f`: column `user` holds one string; leave out `combiner`, "
            "`max_sequence_length` and `weights`",
        ),
        (
            {"column": "tags"},
            "feature `f`: column `tags` holds any number of string values; give "
            "`combiner` or `max_sequence_length`",
        ),
        (
            {"column": "hour"},
            "feature `f`: column `hour` holds one int64; give `dtype: int64`, which "
            "`ids` must be able to take",
        ),
        (
            {"column": "user", "dtype": "int64"},
            "feature `f`: column `user` holds one string; give `dtype: string`, which "
            "`ids` must be able to take",
        ),
        (
            {"column": "tags", "combiner": "sum", "weights": "score"},
            f"feature `f`: column `score` is not among the reader's columns {KNOWN}",
        ),
        (
            {"column": "tags", "combiner": "sum", "weights": "hour"},
            "feature `f`: column `hour` holds one int64; needed is any number of "
            "float values",
        ),
    ],
)
def test_feature_that_does_not_fit_is_a_fault(
    settings: dict[str, Any], fault: str
) -> None:
    faults = column_faults(feature_set(**settings), TARGET, COLUMNS)

    assert [str(one) for one in faults] == [fault]


@pytest.mark.parametrize(
    ("label", "fault"),
    [
        (
            "clicked",
            f"label: column `clicked` is not among the reader's columns {KNOWN}",
        ),
        ("hour", "label: column `hour` holds one int64; needed is one float"),
        (
            "scores",
            "label: column `scores` holds any number of float values; needed is one "
            "float",
        ),
    ],
)
def test_label_that_is_no_single_float_is_a_fault(label: str, fault: str) -> None:
    target = Target(label=label)

    faults = column_faults(feature_set(column="user"), target, COLUMNS)

    assert [str(one) for one in faults] == [fault]
    assert [one.config_path for one in faults] == [("data", "label")]


def test_example_weight_must_be_there() -> None:
    target = Target(label="label", example_weight="w")

    (fault,) = column_faults(feature_set(column="user"), target, COLUMNS)

    assert str(fault).startswith("example_weight: column `w` is not among")


def test_optional_column_needs_a_default() -> None:
    columns = {**COLUMNS, "user": Column("string", optional=True)}

    (fault,) = column_faults(feature_set(column="user"), TARGET, columns)

    assert str(fault).endswith(
        "it may be missing: give `default`, or `missing` for a number"
    )


def test_all_faults_come_at_once() -> None:
    features = feature_set(column="user", combiner="sum", weights="w")

    assert len(column_faults(features, Target(label="x"), COLUMNS)) == 3


def test_schema_reads_back_as_the_columns_are() -> None:
    parsed = schema_utils.schema_as_feature_spec(example_schema(COLUMNS)).feature_spec

    assert parsed["user"] == tf.io.FixedLenFeature([], tf.string)
    assert parsed["label"] == tf.io.FixedLenFeature([], tf.float32)
    assert parsed["hour"] == tf.io.FixedLenFeature([], tf.int64)
    assert isinstance(parsed["tags"], tf.io.RaggedFeature)
    assert parsed["tags"].dtype == tf.string
    assert isinstance(parsed["scores"], tf.io.RaggedFeature)
    assert parsed["scores"].dtype == tf.float32
    assert set(parsed) == set(COLUMNS)
