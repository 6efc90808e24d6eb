"""Tensors of protos: read, written, and refused with the input's name."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.server.model import Input
from shardline.components.server.protos import array_of, proto_of
from shardline.components.server.request_error import RequestError, Status

FLOATS = Input(tf.float32, (None,))
TEXTS = Input(tf.string, (None,))


def proto(values: Any, dtype: tf.DType, sizes: list[int] | None = None) -> Any:
    sent = tf.make_tensor_proto(values, dtype)
    if sizes is not None:
        del sent.tensor_shape.dim[:]
        for size in sizes:
            sent.tensor_shape.dim.add(size=size)
    return sent


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.5, np.nan, -0.0], np.float32),
        np.array([[2**62, -1]], np.int64),
        np.array([True]),
        np.array([b"a\0", b""], object),
        np.zeros([0, 3], np.float32),
        np.float64(0.1),
        np.array([1.5], np.float16),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_come_back_from_protos(array: np.ndarray) -> None:
    array = np.asarray(array)
    dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)

    back = array_of("x", proto_of(array), Input(dtype, None), 1000)

    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes() or back.tolist() == array.tolist()


def test_last_value_of_a_proto_is_repeated() -> None:
    short = proto([1.0, 2.0], tf.float32, [4])
    short.tensor_content = b""
    short.float_val.extend([1.0, 2.0])

    assert array_of("x", short, FLOATS, 1000).tolist() == [1, 2, 2, 2]


@pytest.mark.parametrize(
    ("sent", "spec", "message"),
    [
        (proto([1], tf.int64), FLOATS, "'x': expected float32, got DT_INT64"),
        (proto([[1.0]], tf.float32), FLOATS, r"the shape \(None,\), got \[1, 1\]"),
        (proto([1.0], tf.float32, [2**40]), FLOATS, "takes 4398046511104 bytes"),
        (proto([1.0], tf.float32, [-1]), FLOATS, "a negative length"),
        (proto([1.0], tf.float32, [7]), FLOATS, "1 values in float_val|do not make 7"),
        (proto([1.0, 2.0], tf.float32, [1]), FLOATS, "8 bytes of content do not make"),
        (proto(["a", "b"], tf.string, [1]), TEXTS, "2 values in string_val"),
        (proto(["a" * 900], tf.string, [9]), TEXTS, "takes 8172 bytes, more than"),
        (proto([], tf.string, [1]), TEXTS, "0 values in string_val"),
        (proto([], tf.float32, [0] * 99), Input(tf.float32, None), "'x': .*dimension"),
    ],
    ids=[
        "dtype",
        "rank",
        "huge",
        "negative",
        "few",
        "many",
        "texts",
        "bomb",
        "none",
        "dimensions",
    ],
)
def test_proto_that_does_not_fit_is_refused(
    sent: Any, spec: Input, message: str
) -> None:
    if message.startswith("1 values"):
        sent.tensor_content = b"1234"
    with pytest.raises(RequestError, match=message) as caught:
        array_of("x", sent, spec, 1000)

    assert caught.value.status is Status.INVALID_ARGUMENT


def test_shape_that_is_not_said_is_refused() -> None:
    sent = proto([1.0], tf.float32)
    sent.tensor_shape.unknown_rank = True

    with pytest.raises(RequestError, match="the shape is not said"):
        array_of("x", sent, FLOATS, 1000)


def test_typed_values_that_this_server_does_not_read_are_refused() -> None:
    sent = proto(np.zeros(1, np.float16), tf.float16)
    sent.tensor_content = b""

    with pytest.raises(RequestError, match="send float16 values as tensor_content"):
        array_of("x", sent, Input(tf.float16, (None,)), 1000)
