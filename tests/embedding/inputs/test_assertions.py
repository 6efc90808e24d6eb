"""Assertions order what comes after them, and say what they found only if they fail."""

import pytest
import tensorflow as tf

from shardline.embedding.inputs.assertions import after, are_same, asserted


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([1, 2], [1, 2], True),
        ([1, 2], [1, 3], False),
        ([1, 2], [1, 2, 3], False),
        ([1], [1, 1], False),
        ([], [], True),
    ],
)
def test_tensors_are_the_same_in_shape_and_values(one, other, same):
    one, other = (tf.constant(values, tf.int64) for values in (one, other))
    assert bool(are_same(one, other)) is same


@pytest.mark.parametrize("compiled", [False, True])
def test_failed_claim_stops_what_comes_after_it(compiled):
    counter = tf.Variable(0)

    def step(claim):
        with after(asserted(claim, lambda: ["got", tf.constant(7)])):
            counter.assign_add(1)

    step = tf.function(step) if compiled else step
    step(tf.constant(True))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)got.*7"):
        step(tf.constant(False))
    assert int(counter) == 1


def test_message_is_not_computed_while_the_claim_holds():
    asked = []
    asserted(tf.constant(True), lambda: asked.append(1) or ["never"])
    assert asked == []
