"""Transformed features as the engine takes them."""

from typing import Any

import pytest
import tensorflow as tf

from components.features.engine_inputs import engine_inputs
from configs.schema import SGD, Feature, FeatureSet, Optimizer, Table

FEATURES = FeatureSet(
    features={
        "user": Feature(table="user"),
        "history": Feature(table="movie", max_sequence_length=2),
        "tags": Feature(table="tag", combiner="sum", weights="scores"),
    },
    tables={
        name: Table(dim=2, optimizer=Optimizer(sgd=SGD()))
        for name in ("user", "movie", "tag")
    },
)


@pytest.fixture
def inputs() -> tuple[dict[str, Any], dict[str, Any]]:
    """Ids and weights of two examples."""
    return engine_inputs(
        {
            "user": tf.constant([3, 4], tf.int64),
            "history": tf.ragged.constant([[5, 6], []], dtype=tf.int64),
            "tags": tf.ragged.constant([[], [7, 8]], dtype=tf.int64),
            "tags.weights": tf.ragged.constant([[], [0.5, 2.0]]),
            "label": tf.constant([1.0, 0.0]),
        },
        FEATURES,
    )


def test_features_alone_become_inputs(inputs: Any) -> None:
    ids, weights = inputs

    assert list(ids) == list(weights) == ["user", "history", "tags"]


def test_unweighted_features_pass_as_they_are(inputs: Any) -> None:
    ids, weights = inputs

    assert ids["user"].numpy().tolist() == [3, 4]
    assert ids["history"].to_list() == [[5, 6], []]
    assert weights["user"] is None
    assert weights["history"] is None


def test_weighted_feature_becomes_sparse_with_equal_indices(inputs: Any) -> None:
    ids, weights = inputs

    assert isinstance(ids["tags"], tf.SparseTensor)
    assert ids["tags"].values.numpy().tolist() == [7, 8]
    assert ids["tags"].indices.numpy().tolist() == [[1, 0], [1, 1]]
    assert weights["tags"].indices.numpy().tolist() == [[1, 0], [1, 1]]
    assert weights["tags"].values.numpy().tolist() == [0.5, 2.0]
    assert ids["tags"].dense_shape.numpy().tolist() == [2, 2]
