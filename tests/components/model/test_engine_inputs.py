"""Transformed features as the engine takes them."""

from typing import Any

import pytest
import tensorflow as tf

from shardline.components.model.engine_inputs import (
    engine_inputs,
    model_arguments,
    number_inputs,
    ragged_inputs,
)
from shardline.configs.schema import SGD, Feature, FeatureSet, Number, Optimizer, Table

FEATURES = FeatureSet(
    features={
        "user": Feature(table="user"),
        "history": Feature(table="movie", max_sequence_length=2),
        "tags": Feature(table="tag", combiner="sum", weights="scores"),
    },
    numbers={"price": Number(column="eur"), "age": Number(log=True)},
    tables={
        name: Table(dim=2, optimizer=Optimizer(sgd=SGD()))
        for name in ("user", "movie", "tag")
    },
)


TRANSFORMED = {
    "user": tf.constant([3, 4], tf.int64),
    "history": tf.ragged.constant([[5, 6], []], dtype=tf.int64),
    "tags": tf.ragged.constant([[], [7, 8]], dtype=tf.int64),
    "tags.weights": tf.ragged.constant([[], [0.5, 2.0]]),
    "price": tf.constant([9.5, 0.25]),
    "age": tf.constant([0.5, 1.5]),
    "label": tf.constant([1.0, 0.0]),
    "example_weight": tf.constant([2.0, 1.0]),
}


@pytest.fixture
def inputs() -> tuple[dict[str, Any], dict[str, Any]]:
    """Ids and weights of two examples."""
    return engine_inputs(TRANSFORMED, FEATURES)


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


def test_serving_takes_weighted_features_ragged() -> None:
    ids, weights = ragged_inputs(TRANSFORMED, FEATURES)

    assert ids["tags"].to_list() == [[], [7, 8]]
    assert weights["tags"].to_list() == [[], [0.5, 2.0]]
    assert weights["user"] is None


def test_numbers_come_under_their_names_and_not_their_columns() -> None:
    numbers = number_inputs(TRANSFORMED, FEATURES)

    assert numbers == {"price": TRANSFORMED["price"], "age": TRANSFORMED["age"]}


def test_model_is_called_with_numbers_only_where_there_are_any() -> None:
    activations, numbers = {"user": tf.zeros([2, 4])}, {"age": tf.zeros([2])}

    assert model_arguments(activations, numbers) == (activations, numbers)
    assert model_arguments(activations, {}) == (activations,)
