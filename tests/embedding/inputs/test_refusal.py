"""Ids and weights that are refused before an engine that takes any is given them."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.config.specs import flatten_features
from shardline.embedding.inputs.refusal import refused_unless_usable

tpu = tf.tpu.experimental.embedding
FEATURES = flatten_features(
    {
        name: tpu.FeatureConfig(tpu.TableConfig(5, 2, combiner=combiner, name=name))
        for name, combiner in (("dense", "mean"), ("sparse", "mean"), ("ragged", "sum"))
    }
)


def batch(bad: str = "", value: float = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns ids and weights, one of which may be bad."""

    def ids(name: str) -> tf.Tensor:
        return tf.constant([0, 4, int(value) if bad == name else 1], tf.int64)

    weights = tf.constant([1.0, 0.0, value if bad == "weights" else 2.0])
    splits = tf.constant([0, 2, 3], tf.int64)
    places = tf.constant([[0, 0], [0, 1], [1, 0]], tf.int64)
    return {
        "dense": ids("dense"),
        "sparse": tf.SparseTensor(places, ids("sparse"), [2, 2]),
        "ragged": tf.RaggedTensor.from_row_splits(ids("ragged"), splits),
    }, {
        "dense": None,
        "sparse": tf.SparseTensor(places, weights, [2, 2]),
        "ragged": None,
    }


def flat(values: dict[str, Any]) -> list[Any]:
    parts = tf.nest.flatten(values, expand_composites=True)
    return [part if part is None else part.numpy() for part in parts]


def test_usable_batches_stay_as_they_are() -> None:
    given = batch()

    for before, after in zip(
        given, refused_unless_usable(FEATURES, *given), strict=True
    ):
        assert before.keys() == after.keys()
        for one, other in zip(flat(before), flat(after), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("feature", ["dense", "sparse", "ragged"])
@pytest.mark.parametrize("value", [-1, 5])
def test_id_outside_of_its_table_is_refused(feature: str, value: int) -> None:
    message = rf"Feature '{feature}': ids of table '{feature}' must lie in \[0, 5\)"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        refused_unless_usable(FEATURES, *batch(feature, value))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_weight_that_no_pooling_can_use_is_refused(value: float) -> None:
    message = "Feature 'sparse': weights under the combiner mean must be finite"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        refused_unless_usable(FEATURES, *batch("weights", value))
