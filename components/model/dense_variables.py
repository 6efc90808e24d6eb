"""A Keras 3 model's variables as plain TensorFlow variables.

TensorFlow's checkpoints and SavedModel loaders follow TensorFlow's own tracking, which
does not reach everything that Keras 3 tracks: layers kept in a list are missed, without
an error. What is saved here is therefore Keras's own flat list of variables, in the
order in which they were made.
"""

from typing import Any

import tensorflow as tf


def plain_variables(owner: Any) -> list[tf.Variable]:
    """Returns the variables of a built Keras model or optimizer, in their order."""
    return [variable.value for variable in owner.variables]
