"""A Keras model's variables, all of them and in their order."""

import keras
import numpy as np
import tensorflow as tf

from shardline.components.model.dense_variables import plain_variables


class Nested(keras.Model):
    """Keeps layers in a list, where TensorFlow's tracking does not look."""

    def __init__(self):
        super().__init__()
        self.parts = [keras.layers.Dense(2), keras.layers.Dense(1)]

    def call(self, inputs):
        for layer in self.parts:
            inputs = layer(inputs)
        return inputs


def test_variables_of_layers_in_lists_are_there_in_order():
    model = Nested()
    model(tf.zeros([1, 3]))
    found = plain_variables(model)
    assert [tuple(variable.shape) for variable in found] == [(3, 2), (2,), (2, 1), (1,)]
    assert all(isinstance(variable, tf.Variable) for variable in found)


def test_variables_are_the_models_own():
    model = Nested()
    model(tf.zeros([1, 3]))
    plain_variables(model)[0].assign(np.ones([3, 2]))
    np.testing.assert_array_equal(model.parts[0].kernel, np.ones([3, 2]))
