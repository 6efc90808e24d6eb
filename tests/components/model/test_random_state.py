"""Everything that a dense model changes is found, wherever the model keeps it."""

import keras
import tensorflow as tf

from shardline.components.model.random_state import untracked_variables


class Noise(keras.layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.generator = tf.random.Generator.from_seed(1)
        self.count = tf.Variable(3.0)
        self.seeds = keras.random.SeedGenerator(2)
        self.dense = keras.layers.Dense(2)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.dense(inputs)


class Module(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = tf.Variable(4.0)


class Model(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.parts = [keras.layers.Dropout(0.5), Noise()]
        self.module = Module()
        self.named = {"a": [tf.Variable(5.0)], "b": (tf.Variable(6.0), "text")}
        self.shared = self.named["a"][0]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        for part in self.parts:
            inputs = part(inputs)
        return inputs


def built() -> Model:
    model = Model()
    model(tf.ones([1, 2]))
    return model


def test_variables_that_keras_does_not_know_are_found_once() -> None:
    model = built()

    found = untracked_variables(model)

    values = [float(variable) for variable in found if variable.shape == []]
    assert sorted(values) == [3.0, 4.0, 5.0, 6.0]
    (state,) = (variable for variable in found if variable.shape == [3])
    before = state.numpy().tolist()
    model.parts[1].generator.normal([4])
    assert state.numpy().tolist() != before


def test_variables_of_keras_are_left_out() -> None:
    model = built()

    refs = {variable.value.ref() for variable in model.variables}
    assert len(refs) == 4  # kernel, bias and two seeds
    assert refs.isdisjoint(variable.ref() for variable in untracked_variables(model))


def test_order_is_the_same_for_each_model() -> None:
    def shapes(model: Model) -> list[tuple[tuple[int, ...], str]]:
        return [(tuple(v.shape), v.dtype.name) for v in untracked_variables(model)]

    assert shapes(built()) == shapes(built())


def test_model_of_layers_alone_has_none() -> None:
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.1)])
    model(tf.ones([1, 2]))

    assert untracked_variables(model) == []
