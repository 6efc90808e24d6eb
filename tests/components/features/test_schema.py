"""The schema that columns give, and what a specification asks of columns in vain."""

from typing import Any

import pytest
import tensorflow as tf
from tensorflow_transform.tf_metadata import schema_utils

from components.columns import Column
from components.features.schema import column_faults, example_schema
from configs.schema import SGD, Feature, FeatureSet, Optimizer, Table

COLUMNS = {
    "label": Column("float"),
    "hour": Column("int64"),
    "user": Column("string"),
    "tags": Column("string", ragged=True),
    "scores": Column("float", ragged=True),
}
KNOWN = "(hour, label, scores, tags, user)"


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
    assert column_faults(feature_set(**settings), "label", COLUMNS) == []


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            {"column": "usr"},
            f"feature `f`: column `usr` is not among the reader's columns {KNOWN}",
        ),
        ({}, f"feature `f`: column `f` is not among the reader's columns {KNOWN}"),
        (
            {"column": "hour"},
            "feature `f`: column `hour` must hold strings, not int64",
        ),
        (
            {"column": "scores", "combiner": "sum"},
            "feature `f`: column `scores` must hold strings, not float",
        ),
        (
            {"column": "user", "combiner": "sum"},
            "feature `f`: column `user` holds one value an example; leave out "
            "`combiner` and `max_sequence_length`",
        ),
        (
            {"column": "tags"},
            "feature `f`: column `tags` holds any number of values an example; give "
            "`combiner` or `max_sequence_length`",
        ),
        (
            {"column": "tags", "combiner": "sum", "weights": "score"},
            f"feature `f`: column `score` is not among the reader's columns {KNOWN}",
        ),
        (
            {"column": "tags", "combiner": "sum", "weights": "label"},
            "feature `f`: weights column `label` must hold any number of floats an "
            "example",
        ),
        (
            {"column": "tags", "combiner": "sum", "weights": "tags"},
            "feature `f`: weights column `tags` must hold any number of floats an "
            "example",
        ),
    ],
)
def test_feature_that_does_not_fit_is_a_fault(
    settings: dict[str, Any], fault: str
) -> None:
    assert column_faults(feature_set(**settings), "label", COLUMNS) == [fault]


@pytest.mark.parametrize(
    ("label", "fault"),
    [
        (
            "clicked",
            f"label: column `clicked` is not among the reader's columns {KNOWN}",
        ),
        ("hour", "label: column `hour` must hold one float an example"),
        ("scores", "label: column `scores` must hold one float an example"),
    ],
)
def test_label_that_is_no_single_float_is_a_fault(label: str, fault: str) -> None:
    assert column_faults(feature_set(column="user"), label, COLUMNS) == [fault]


def test_feature_with_the_name_of_the_label_is_a_fault() -> None:
    features = FeatureSet(
        features={"label": Feature(table="t", column="user")},
        tables={"t": Table(dim=2, optimizer=Optimizer(sgd=SGD()))},
    )

    (fault,) = column_faults(features, "label", COLUMNS)

    assert fault == "label: feature `label` has its name; rename the feature"


def test_all_faults_come_at_once() -> None:
    faults = column_faults(
        feature_set(column="user", combiner="sum", weights="w"), "x", COLUMNS
    )

    assert len(faults) == 3


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
