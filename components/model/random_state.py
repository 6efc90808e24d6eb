"""What a dense model changes beside Keras's variables: TensorFlow's own.

A `tf.random.Generator` or a `tf.Variable` that a model has as an attribute is not among
Keras's variables. A training that goes on needs it all the same.
"""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf


def untracked_variables(model: keras.Model) -> list[tf.Variable]:
    """Returns the TensorFlow variables in a model that Keras does not know.

    Args:
        model: built; its layers are searched too, also those in lists.

    Returns:
        Each once, in an order that follows from the model alone.
    """
    known = {variable.value.ref() for variable in model.variables}
    found = {variable.ref(): variable for variable in _variables(model)}
    return [variable for ref, variable in found.items() if ref not in known]


def _variables(model: keras.Model) -> Iterator[tf.Variable]:
    for layer in model._flatten_layers():
        for value in vars(layer).values():
            for part in _parts(value):
                if isinstance(part, tf.Variable):
                    yield part
                elif isinstance(part, (tf.random.Generator, tf.Module)):
                    view = tf.train.TrackableView(part)
                    for found in view.descendants():
                        if isinstance(found, tf.Variable):
                            yield found


def _parts(value: Any) -> Iterator[Any]:
    """Yields what is in lists and dictionaries, which TensorFlow does not follow."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _parts(part)
    else:
        yield value
