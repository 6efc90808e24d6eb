"""What an error says in a line, without where TensorFlow came by it."""

import re

# What follows the message of an op in a function: `[[{{node Name}}]]`.
_NODE = "\n\t [["
# What stands before and behind it.
_PLACES = re.compile(r"\{\{\w+ [^}]*\}\}\s*| \[Op:\w+\].*")


def reason_of(error: BaseException) -> str:
    """Returns the message of an error, in one line and without its full stop.

    Args:
        error: TensorFlow's have a call stack, the op's name and what the network said
            around the message of the op.
    """
    text = str(getattr(error, "message", None) or error)
    message, is_of_function, _ = text.partition(_NODE)
    lines = [line for line in message.splitlines() if line.strip()] or [""]
    line = lines[-1] if is_of_function else lines[0]
    return _PLACES.sub("", line).strip(". ")
