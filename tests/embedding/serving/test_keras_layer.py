"""The serving lookup as a Keras layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import serving_embedding_lookup
from shardline.embedding.serving.keras_layer import EmbeddingLookup

tpu = tf.tpu.experimental.embedding


@pytest.fixture
def config(cases):
    items = cases.table("mean")
    return {
        "clicks": cases.feature(items),
        "history": cases.feature(items, 3),
        "user": cases.feature(cases.table("sum", name="users")),
    }


@pytest.fixture
def batch(cases):
    return {
        "clicks": cases.tensor("ragged", [[1, 2], []], tf.int64),
        "history": cases.tensor("ragged", [[3], [4, 5, 6, 7]], tf.int64),
        "user": cases.tensor("sparse", [[8], [9, 10]], tf.int64),
    }


@pytest.fixture
def layer(cases, config):
    layer = EmbeddingLookup(config)
    layer.assign_tables(cases.start(config, None, host_count=3).embedding_tables)
    return layer


def expected(cases, config, batch, weights=None):
    tables = cases.start(config, None, host_count=1).embedding_tables
    return serving_embedding_lookup(batch, weights, tables, config)


def assert_same(got, want):
    tf.nest.map_structure(np.testing.assert_array_equal, got, want)


def test_layer_gives_the_numbers_of_the_serving_lookup(cases, config, batch, layer):
    assert_same(layer(batch), expected(cases, config, batch))


def test_layer_takes_weights(cases, config, batch, layer):
    ragged = cases.tensor("ragged", [[0.5, 2.0], []], tf.float32)
    weights = {"clicks": ragged, "history": None, "user": None}
    assert_same(layer(batch, weights), expected(cases, config, batch, weights))


def test_tables_are_weights_that_do_not_train(layer):
    assert sorted(w.name for w in layer.weights) == ["items", "users"]
    assert layer.trainable_weights == []


def test_functional_model_holds_the_layer(cases, config, batch, layer):
    inputs = {
        name: keras.Input(
            (None,),
            dtype="int64",
            name=name,
            ragged=name != "user",
            sparse=name == "user",
        )
        for name in batch
    }
    model = keras.Model(inputs, layer(inputs))
    assert_same(model(batch), expected(cases, config, batch))


def test_exported_layer_answers_from_stock_ops(cases, config, batch, layer, tmp_path):
    module = tf.Module()
    module.layer = layer
    module.tables = [weight.value for weight in layer.weights]

    @tf.function
    def serve(values, row_splits):
        ids = tf.RaggedTensor.from_row_splits(values, row_splits)
        return layer({"clicks": ids})["clicks"]

    signature = serve.get_concrete_function(
        tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.int64)
    )
    tf.saved_model.save(module, str(tmp_path), signatures=signature)
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    clicks = batch["clicks"]
    (got,) = loaded(values=clicks.values, row_splits=clicks.row_splits).values()
    np.testing.assert_array_equal(got, expected(cases, config, batch)["clicks"])


def test_tables_of_another_configuration_are_refused(cases, layer):
    other = cases.start(cases.feature(cases.table()), None)
    with pytest.raises(ValueError, match=r"No values for the tables \['items', 'users"):
        layer.assign_tables(other.embedding_tables)


def test_rows_stay_float32_under_mixed_precision(cases, config, batch):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        layer = EmbeddingLookup(config)
        layer.assign_tables(cases.start(config, None).embedding_tables)
        assert_same(layer(batch), expected(cases, config, batch))
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def test_table_name_may_hold_a_slash(cases):
    layer = EmbeddingLookup(cases.feature(cases.table(name="shop/items")))
    assert [weight.name for weight in layer.weights] == ["shop.items"]
