"""What is said of destructors that fail."""

import sys

import pytest
import tensorflow as tf

from shardline.embedding.cluster.lost_variables import be_silent_about_lost_variables

GONE = tf.errors.UnavailableError(None, None, "socket closed")


class EagerResourceDeleter:
    """What frees a variable of a host, here with an error."""

    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error


class Careless(EagerResourceDeleter):
    """Something else that fails when it goes."""

    def __del__(self):
        raise self.error


@pytest.fixture
def told(monkeypatch):
    """Who was told of, by Python's own hook."""
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: told.append(fault.object))
    be_silent_about_lost_variables()
    return told


def test_nothing_is_said_of_variables_of_hosts_that_are_gone(told):
    EagerResourceDeleter(GONE)
    assert told == []


def test_all_else_is_said_as_before(told):
    Careless(GONE)
    EagerResourceDeleter(ValueError("a fault of ours"))
    assert told == [Careless.__del__, EagerResourceDeleter.__del__]


def test_it_may_be_asked_for_again(told):
    hook = sys.unraisablehook
    be_silent_about_lost_variables()
    assert sys.unraisablehook is hook
