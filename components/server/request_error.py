"""Requests that are refused: a status of gRPC, its form in HTTP, and the words."""

import re

import grpc
import tensorflow as tf

from shardline.configs.shown import escaped

Status = grpc.StatusCode

# As TensorFlow Serving maps them (its model_servers/http_server.cc).
_HTTP_STATUS = {
    Status.CANCELLED: 499,
    Status.INVALID_ARGUMENT: 400,
    Status.DEADLINE_EXCEEDED: 504,
    Status.NOT_FOUND: 404,
    Status.RESOURCE_EXHAUSTED: 429,
    Status.FAILED_PRECONDITION: 400,
    Status.OUT_OF_RANGE: 400,
    Status.UNIMPLEMENTED: 501,
    Status.UNAVAILABLE: 503,
}
_STATUS_OF_NUMBER = {status.value[0]: status for status in Status}
# What names functions of the graph comes first, what names its nodes last.
_FUNCTIONS = re.compile(r"^(\{\{\w+ [^}]*\}\}\s*)+")
_NODES = re.compile(r"\s*\[?\[?\{\{")
# What a graph asserts comes as its parts, each in brackets.
_ASSERTED = "assertion failed: ["
_NO_EXAMPLE = "Could not parse example input"
# Of a column that must hold one value where one example has none, or several.
_NOT_ONE = re.compile(
    r"Key: (.+?), Index: \d+\.\s+(?:Number of|Can't parse)|Feature: (.+?) \(data type"
)
# gRPC drops replies whose words do not fit into a header of 8 KB, where it writes some
# bytes as three.
_MOST_BYTES = 1000


class RequestError(Exception):
    """A request that is not answered.

    Attributes:
        status: the status of gRPC.
        message: the message for whoever sent the request.
    """

    def __init__(self, status: grpc.StatusCode, message: str):
        """Takes any message; a long one is cut.

        Args:
            status: the status of gRPC.
            message: the message for whoever sent the request.
        """
        super().__init__(message)
        self.status = status
        self.message = shortened(escaped(message))

    @property
    def http_status(self) -> int:
        """The status of HTTP that says the same."""
        return _HTTP_STATUS.get(self.status, 500)


def invalid(message: str) -> RequestError:
    """Returns the error of a request that is wrong in itself."""
    return RequestError(Status.INVALID_ARGUMENT, message)


def from_tensorflow(error: tf.errors.OpError) -> RequestError:
    """Returns what TensorFlow refused, without the names of its nodes."""
    status = _STATUS_OF_NUMBER.get(error.error_code, Status.INTERNAL)
    return RequestError(status, in_words(error.message))


def in_words(message: str) -> str:
    """Returns TensorFlow's message as people read it."""
    text = message.removeprefix("Graph execution error:").strip()
    said = _NODES.split(_FUNCTIONS.sub("", text), maxsplit=1)[0]
    if said.startswith(_ASSERTED) and said.endswith("]"):
        said = " ".join(said.removeprefix(_ASSERTED)[:-1].split("] ["))
        said = said.replace("\\'", "'").replace('\\"', '"')
    if said.startswith(_NO_EXAMPLE):  # and then its bytes
        said = "One of the examples is no serialized tf.Example."
    if found := _NOT_ONE.search(said):
        said = (
            f"Column `{found[1] or found[2]}` must hold one value in each example; one "
            "of them has none, or several. Send one; a value may be missing if its "
            "feature has a `default` or its number `missing`."
        )
    return said


def quoted(name: str) -> str:
    """Returns a name that somebody sent, safe to print and not too long."""
    return repr(name[:80]) + ("..." if len(name) > 80 else "")


def shortened(message: str) -> str:
    """Returns a message that fits into a header."""
    encoded = message.encode(errors="replace")
    if len(encoded) <= _MOST_BYTES:
        return message
    start = encoded[:_MOST_BYTES].decode(errors="ignore")
    return f"{start} ... ({len(message)} characters)"
