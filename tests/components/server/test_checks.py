"""Inputs that do not fit are refused with their name, before TensorFlow sees them."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.server.checks import (
    check_bytes,
    check_lengths,
    check_names,
    check_shape,
)
from shardline.components.server.model import Input, Signature
from shardline.components.server.request_error import RequestError

FLOATS = Input(tf.float32, (None,))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a"], r"Sent extra: \[\]\. Missing but required: \['b'\]"),
        (["a", "b", "c"], r"Sent extra: \[\"'c'\"\]\. Missing but required: \[\]"),
    ],
    ids=["missing", "extra"],
)
def test_names_must_be_those_of_the_signature(names: list[str], message: str) -> None:
    signature = Signature("s", None, {"a": FLOATS, "b": FLOATS}, ("y",), lambda: [])

    check_names(signature, ["b", "a"])
    with pytest.raises(RequestError, match=message):
        check_names(signature, names)


def test_shape_must_have_the_lengths_that_the_signature_says() -> None:
    spec = Input(tf.float32, (None, 3))

    check_shape("a", spec, [7, 3])
    check_shape("a", Input(tf.float32, None), [1, 2, 3])
    with pytest.raises(RequestError, match=r"'a': expected the shape .*, got \[7, 4\]"):
        check_shape("a", spec, [7, 4])
    with pytest.raises(RequestError, match="'a': a negative length"):
        check_shape("a", spec, [-1, 3])


def test_tensor_may_take_as_many_bytes_as_a_request() -> None:
    check_bytes("a", [2, 3], 4, 24)
    with pytest.raises(RequestError, match="takes 24 bytes, more than the 23 of a"):
        check_bytes("a", [2, 3], 4, 23)


def test_too_many_examples_are_refused() -> None:
    with pytest.raises(RequestError, match=r"holds 3 examples; this server takes 2"):
        check_lengths(arrays(a=[1, 2, 3]), 2)


def arrays(**values: list[Any]) -> dict[str, np.ndarray]:
    return {
        name: np.array(v, np.float32 if name.endswith("weights") else np.int64)
        for name, v in values.items()
    }


def test_features_of_a_lookup_may_have_different_numbers_of_rows() -> None:
    check_lengths(
        arrays(a=[1], b_values=[1, 2], b_row_splits=[0, 2, 2], b_weights=[1, 2]), 2
    )
    check_lengths(arrays(a=[], b_values=[5], b_row_splits=[0, 1]), 1)


@pytest.mark.parametrize(
    "splits", [[0, 3, 2], [0, 1], [1, 2], [-1, 2], [2], []], ids=str
)
def test_row_splits_that_do_not_fit_are_refused(splits: list[int]) -> None:
    with pytest.raises(
        RequestError, match="'a_row_splits': row splits must start at 0"
    ):
        check_lengths(arrays(a_values=[1, 2], a_row_splits=splits), 9)


def test_weights_of_another_length_are_refused() -> None:
    with pytest.raises(RequestError, match="'a_weights': 1 weights for 2 values"):
        check_lengths(arrays(a_values=[1, 2], a_row_splits=[0, 2], a_weights=[1.0]), 9)


@pytest.mark.parametrize(
    "inputs", [{"a": []}, {"a_values": [], "a_row_splits": [0]}], ids=["flat", "ragged"]
)
def test_request_without_examples_is_refused(inputs: dict[str, list[int]]) -> None:
    with pytest.raises(RequestError, match="holds no examples"):
        check_lengths(arrays(**inputs), 9)
