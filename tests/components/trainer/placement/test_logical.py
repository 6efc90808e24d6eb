"""On the hosts of this process, everything is called as it is, and once."""

import pytest

from shardline.components.trainer.placement.logical import LogicalHosts


def test_function_is_called_in_this_thread_with_its_arguments() -> None:
    assert LogicalHosts(1).run(divmod, 7, 2) == (3, 1)


def test_training_is_called_once_whatever_becomes_of_it() -> None:
    attempts = []

    def train(attempt: object) -> None:
        attempts.append(attempt)
        attempt.resumes_from(3)
        attempt.reached(4)
        raise RuntimeError("it fails")

    with pytest.raises(RuntimeError, match="it fails"):
        LogicalHosts(1).survive(train)
    assert len(attempts) == 1
