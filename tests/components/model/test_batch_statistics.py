"""Batch normalization is named wherever it is, unless it is synchronized."""

import keras
import pytest

from shardline.components.model.batch_statistics import check_batch_statistics


def test_each_layer_that_is_not_synchronized_is_named() -> None:
    inner = keras.Sequential(
        [
            keras.layers.BatchNormalization(name="inner"),
            keras.layers.BatchNormalization(name="synchronized", synchronized=True),
        ]
    )
    model = keras.Sequential([inner, keras.layers.BatchNormalization(name="outer")])

    with pytest.raises(ValueError, match="model's inner, outer: on a TPU"):
        check_batch_statistics(model)


def test_layers_that_treat_each_example_alone_pass() -> None:
    kinds = [keras.layers.LayerNormalization(), keras.layers.Dropout(0.5)]

    check_batch_statistics(keras.Sequential(kinds))
