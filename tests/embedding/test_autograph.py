"""A function whose branches are about configuration is traced as it is written."""

import tensorflow as tf

from shardline.embedding.autograph import not_converted


@not_converted
def branches(value):
    """Returns which branch was taken for a tensor, which has no truth while tracing."""
    try:
        return "true" if value else "false"
    except tf.errors.OperatorNotAllowedInGraphError:
        return "refused"


def test_branches_on_tensors_are_not_turned_into_ops():
    found = []

    @tf.function
    def step(value):
        found.append(branches(value))
        return value

    step(tf.constant(True))
    assert found == ["refused"]
    assert branches(True) == "true"
