"""What crosses from the process of a component: errors whole, whatever they are."""

import threading

from shardline.pipeline.runners.component_process import with_causes
from shardline.pipeline.runners.component_program import pickled


class Odd(ValueError):
    """Cannot be made of what pickling keeps of it."""

    def __init__(self, two: str, arguments: object):
        super().__init__(f"{two} arguments")
        self.held = arguments


def raised() -> Exception:
    """Returns an error that followed on two others."""
    try:
        try:
            raise ConnectionError("socket closed")
        except ConnectionError as error:
            raise OSError(28, "no space left") from error
    except OSError:
        try:
            raise KeyError("lost")
        except KeyError as error:
            return error


def test_error_keeps_its_class_and_those_that_it_followed_on() -> None:
    error = with_causes(pickled(raised()))

    assert (type(error), str(error)) == (KeyError, "'lost'")
    assert error.__cause__.errno == 28
    assert isinstance(error.__cause__.__cause__, ConnectionError)
    assert error.__cause__.__cause__.__cause__ is None


def test_error_that_cannot_be_pickled_keeps_its_words() -> None:
    error = with_causes(pickled(Odd("two", threading.Lock())))

    assert str(error) == "Odd: two arguments"
