"""A model is asked in a fresh process, and one that cannot be is not served."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shardline.components.validator.replay import answers as answers_module
from shardline.components.validator.replay.answers import (
    NotServedError,
    Refusal,
    replay,
)


def test_answers_are_scores_activations_refusals_and_times(
    export: Callable[..., str],
) -> None:
    answers = replay(export(), requests=3, sizes=[2])

    np.testing.assert_array_equal(answers.scores, np.array([0, 1, 3], np.float32))
    looked_up, refused = answers.lookups
    np.testing.assert_array_equal(looked_up["user"], [[0, 0.125], [0.75, 0.875]])
    assert refused == {}
    none, refusal = answers.refusals
    assert none is None
    assert isinstance(refusal, Refusal)
    assert refusal.error == "InvalidArgumentError"
    assert "ids up to 3" in refusal.message
    assert answers.load_seconds > 0
    assert list(answers.request_ms) == [2]
    assert len(answers.request_ms[2]) == 3


def test_model_that_does_not_answer_in_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(answers_module, "_TIME_LIMIT_S", 0.01)

    with pytest.raises(NotServedError, match="did not answer within"):
        replay(str(tmp_path))


def test_model_that_does_not_load_is_refused_with_the_last_lines(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        NotServedError,
        match=r"cannot be served: a process with only TensorFlow ended with exit code "
        r"1\.\n(.*\n)*.*examples\.tfrecord",
    ):
        replay(str(tmp_path))
