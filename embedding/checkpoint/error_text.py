"""What an error says to people, without what TensorFlow says around it."""

import re

import tensorflow as tf

# The op that failed, where it was called, and the graph around it.
_AROUND = re.compile(r"\{\{function_node .*?\}\} ?| \[Op:[^\]]*\]|\n\t \[\[[\s\S]*")


def error_text(error: BaseException) -> str:
    """Returns the message of an error, without its full stop.

    Args:
        error: of a TensorFlow op, the line that says what happened; else all of it.
    """
    if not isinstance(error, tf.errors.OpError):
        return str(error).rstrip(". ")
    text = _AROUND.sub("", str(error.message)).strip()
    # A function's error has the calls that led to the op before it.
    return text.rpartition("\n")[2].strip().rstrip(". ")
