"""A call that does not return is named; others are as without a limit."""

import threading

import pytest

from shardline.embedding.conformance.time_limit import NoAnswerError, TimeLimit


def test_result_and_arguments_pass_through():
    assert TimeLimit().call("adding", lambda a, b: a + b, 1, 2) == 3


def test_error_passes_through():
    with pytest.raises(KeyError, match="gone"):
        TimeLimit().call("looking", {}.__getitem__, "gone")


def test_call_that_hangs_is_named():
    released = threading.Event()
    try:
        with pytest.raises(
            NoAnswerError, match=r"^step 2 did not return within 0\.05 s$"
        ):
            TimeLimit(0.05).call("step 2", released.wait)
    finally:
        released.set()
