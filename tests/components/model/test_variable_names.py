"""Names that depend neither on what the process made before nor on the seed."""

import keras
import pytest
import tensorflow as tf

from shardline.components.model.dlrm import DLRM
from shardline.components.model.variable_names import model_names, optimizer_names


class Towers(keras.Model):
    """Layers with names of their own, in lists, and within each other."""

    def __init__(self):
        super().__init__()
        self._named = keras.layers.Dense(3, name="tower_7")
        self._listed = [keras.layers.Dense(3), keras.layers.Dense(3)]
        self._inner = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(1)])

    def call(self, inputs):
        hidden = self._named(inputs)
        for layer in self._listed:
            hidden = layer(hidden)
        return self._inner(hidden)


def built(make):
    model = make()
    if isinstance(model, DLRM):
        activations = {"a": tf.zeros([2, 4]), "b": tf.zeros([2, 4])}
        model(activations, {"n": tf.zeros([2])}, training=False)
    else:
        model(tf.zeros([2, 4]))
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    return model, optimizer


def dlrm():
    return DLRM(hidden_units=[8], dropout=0.3)


@pytest.mark.parametrize("make", [dlrm, Towers])
def test_models_of_one_kind_have_equal_names_in_one_process(make):
    first, second = built(make), built(make)
    assert first[0].variables[-1].path != second[0].variables[-1].path
    assert model_names(first[0]) == model_names(second[0])
    assert optimizer_names(*reversed(first)) == optimizer_names(*reversed(second))


def test_names_number_layers_within_what_they_are_part_of():
    model, optimizer = built(dlrm)
    names = model_names(model)
    assert names[:3] == [
        "seed_generator/seed_generator_state",
        "dlrm/dense/kernel",
        "dlrm/dense/bias",
    ]
    assert names[-1] == "dlrm/dense_3/bias"
    assert optimizer_names(optimizer, model)[:4] == [
        "iteration",
        "learning_rate",
        "dlrm/dense/kernel/momentum",
        "dlrm/dense/kernel/velocity",
    ]


def test_names_that_users_give_stay():
    model, optimizer = built(Towers)
    kernels = [name for name in model_names(model) if name.endswith("/kernel")]
    assert kernels == [
        "towers/tower_7/kernel",
        "towers/dense/kernel",
        "towers/dense_1/kernel",
        "towers/sequential/dense/kernel",
        "towers/sequential/dense_1/kernel",
    ]
    slots = optimizer_names(optimizer, model)
    assert "towers/tower_7/kernel/momentum" in slots
    assert len(set(slots)) == len(slots) == len(optimizer.variables)
