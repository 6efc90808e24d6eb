"""Scores of a model beside those of training."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.parity_examples import write_parity
from shardline.components.validator.replay.answers import NotServedError
from shardline.components.validator.replay.scores import (
    compare_scores,
    readable_example,
)

SCORES = np.array([0.0, 1.0, 3.0], np.float32)


@pytest.fixture
def parity(tmp_path: Path) -> Path:
    """Three examples of one column, and their scores."""
    examples = []
    for name in (b"", b"a", b"b\xff"):
        example = tf.train.Example()
        example.features.feature["name"].bytes_list.value.append(name)
        examples.append(example.SerializeToString())
    write_parity(tmp_path, examples, SCORES)
    return tmp_path


@pytest.mark.parametrize("scores", [SCORES[:1], SCORES[:, None]], ids=["few", "deep"])
def test_model_must_give_one_score_for_each_example(
    parity: Path, scores: np.ndarray
) -> None:
    with pytest.raises(NotServedError, match=r"has the shape .* for 3 examples"):
        compare_scores(parity, scores)


def test_score_that_is_no_number_is_the_worst(parity: Path) -> None:
    result = compare_scores(parity, np.array([5.0, np.nan, 3.0], np.float32))

    assert (result.worst_example, result.largest_difference) == (1, float("inf"))
    assert readable_example(parity, 1) == "name ['a']"


def test_equal_scores_do_not_differ(parity: Path) -> None:
    result = compare_scores(parity, SCORES)

    assert (result.examples, result.largest_difference) == (3, 0)
    assert str(result).startswith("example 0 of 3: the engine said 0, the model 0")


def test_bytes_that_are_no_text_are_shown_escaped(parity: Path) -> None:
    assert readable_example(parity, 2) == r"name ['b\\xff']"
