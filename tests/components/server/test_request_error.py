"""Errors as people and protocols read them."""

import pytest
import tensorflow as tf

from shardline.components.server.request_error import (
    RequestError,
    Status,
    from_tensorflow,
    invalid,
    quoted,
    shortened,
)


@pytest.mark.parametrize(
    ("status", "http_status"),
    [
        (Status.INVALID_ARGUMENT, 400),
        (Status.NOT_FOUND, 404),
        (Status.RESOURCE_EXHAUSTED, 429),
        (Status.UNAVAILABLE, 503),
        (Status.INTERNAL, 500),
        (Status.DATA_LOSS, 500),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_every_status_has_one_of_http(status: Status, http_status: int) -> None:
    assert RequestError(status, "").http_status == http_status


def test_message_is_safe_to_print() -> None:
    error = invalid("a\x1b[31m")

    assert error.status is Status.INVALID_ARGUMENT
    assert "\x1b" not in error.message


def test_error_of_tensorflow_keeps_its_status_and_words() -> None:
    error = tf.errors.OutOfRangeError(None, None, "too far\n\t [[{{node x}}]]")

    refusal = from_tensorflow(error)

    assert (refusal.status, refusal.message) == (Status.OUT_OF_RANGE, "too far")
    assert refusal.http_status == 400


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "{{function_node f_1}} {{function_node g}} assertion failed: [Column `x` "
            "is] [-3] [and \\'a\\' [0, 2).]\n\t [[{{node Assert}}]]",
            "Column `x` is -3 and 'a' [0, 2).",
        ),
        (
            "Graph execution error:\n\nName: <unknown>, Key: x\n\t [[{{node n}}]]",
            "Name: <unknown>, Key: x",
        ),
        (
            "Could not parse example input, value: '\ufffd'\n\t [[{{function_node f}}",
            "One of the examples is no serialized tf.Example.",
        ),
    ],
    ids=["assertion", "session", "bytes"],
)
def test_message_of_tensorflow_is_read_without_its_nodes(
    message: str, words: str
) -> None:
    error = tf.errors.InvalidArgumentError(None, None, message)

    assert from_tensorflow(error).message == words


def test_long_names_and_messages_are_cut() -> None:
    assert quoted("a\0b") == r"'a\x00b'"
    assert len(quoted("x" * 1000)) < 100
    assert len(shortened("x" * 9000)) < 1100
    assert len(shortened("\ufffd" * 1000).encode()) < 1100  # gRPC sends 9 bytes each
