"""Scores and metrics of what is learnt, which they leave as it is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import Learner


def test_prediction_leaves_out_the_fillers(
    learner: Learner, batches: tf.data.Dataset
) -> None:
    def without_two_of_the_second(number: tf.Tensor, batch: Batch) -> Batch:
        is_example = tf.cast((number == 0) | (tf.range(4) < 2), tf.float32)
        return batch._replace(is_example=is_example)

    filled = batches.take(2).enumerate().map(without_two_of_the_second)

    scores = learner.predict(filled)

    np.testing.assert_array_equal(scores, learner.predict(batches.take(2))[:6])
    assert ((scores > 0) & (scores < 1)).all()


def test_evaluation_starts_anew_each_time(
    learner: Learner, batches: tf.data.Dataset
) -> None:
    first = learner.evaluate(batches.take(3))

    assert learner.evaluate(batches.take(3)) == first
    assert learner.evaluate(batches.take(2)) != first


def test_prediction_and_evaluation_change_nothing(
    learner: Learner, state_of: Callable[..., Any], batches: tf.data.Dataset
) -> None:
    before = state_of(learner)

    learner.predict(batches.take(3))
    metrics = learner.evaluate(batches.take(3)).values

    after = state_of(learner)
    assert after.keys() == before.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)
    assert set(metrics) == {"auc", "normalized_entropy", "calibration"}
