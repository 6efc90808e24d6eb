"""Inputs that do not fit are refused with their name, before TensorFlow sees them."""

import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.server.checks import check_lengths
from shardline.components.server.codec import Answer, Query
from shardline.components.server.json_text import PredictJson
from shardline.components.server.model import Input, Signature
from shardline.components.server.protos import array_of, proto_of
from shardline.components.server.request_error import (
    RequestError,
    Status,
    from_tensorflow,
    quoted,
    shortened,
)

FLOATS = Input(tf.float32, (None,))
INTS = Input(tf.int64, (None,))
TEXTS = Input(tf.string, (None,))
JSON = PredictJson("m", None, 1 << 20)


def signature(outputs: tuple[str, ...] = ("y",), **inputs: Input) -> Signature:
    return Signature("s", None, inputs, outputs, lambda *values: [])


def proto(values: Any, dtype: tf.DType, sizes: list[int] | None = None) -> Any:
    made = tf.make_tensor_proto(values, dtype)
    if sizes is not None:
        del made.tensor_shape.dim[:]
        for size in sizes:
            made.tensor_shape.dim.add(size=size)
    return made


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


def parsed(text: str, **inputs: Input) -> dict[str, np.ndarray]:
    return JSON.arrays(JSON.parse(text.encode()), signature(**inputs))


def test_rows_and_columns_of_json_are_the_same() -> None:
    rows = '{"instances": [{"a": [1.5], "b": 3}, {"a": [2], "b": -4}]}'
    columns = '{"inputs": {"a": [[1.5], [2]], "b": [3, -4]}}'
    inputs = {"a": Input(tf.float32, (None, 1)), "b": INTS}

    for arrays in (parsed(rows, **inputs), parsed(columns, **inputs)):
        assert arrays["a"].tolist() == [[1.5], [2.0]]
        assert arrays["a"].dtype == np.float32
        assert arrays["b"].tolist() == [3, -4]


def test_every_float32_comes_back_from_json() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 2000, np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    answer = Answer(1, signature(), {"y": values})

    text = JSON.reply(Query("m", None, "", {"inputs": []}), answer).decode()

    back = parsed(text.replace("outputs", "inputs"), a=FLOATS)["a"]
    np.testing.assert_array_equal(back.view(np.uint32), values.view(np.uint32))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[1]", "must be a JSON object, got a list"),
        ("{}", "either 'instances' or 'inputs'"),
        ('{"inputs": [1], "signature_name": 3}', "must be text, got 3"),
        ('{"inputs": [NaN]}', "NaN is no number of JSON"),
        ('{"inputs": [1e39]}', "'a': too large for float32"),
        ('{"inputs": [1e999]}', "'a': too large for float32"),
        ('{"inputs": ["1"]}', "'a': expected float32, got text"),
        ('{"inputs": [true]}', "'a': expected float32, got a truth value"),
        ('{"inputs": [[1], [2, 3]]}', "'a': lists of different lengths|expected"),
        ('{"inputs": {"b": [1]}}', r"Sent extra: \[\"'b'\"\]. Missing.*'a'"),
        ('{"instances": []}', "'instances' is an empty list. Send at least one row"),
        ('{"instances": [{"a": 1}, {}]}', "must have the same inputs"),
    ],
    ids=range(14),
)
def test_json_that_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        parsed(text, a=FLOATS)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[9223372036854775808]", "too large for int64"),
        ("[1.0]", "expected int64, got 1.0"),
    ],
)
def test_numbers_that_are_no_int64_are_refused(value: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        parsed(f'{{"inputs": {value}}}', a=INTS)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('{"b64": "not base64"}', "is no base64"),
        ('{"b64": 7}', "expected text or"),
        ("7", "expected text or.*got 7"),
        ('"\\ud800"', "surrogates not allowed"),
    ],
    ids=["text", "number", "plain", "surrogate"],
)
def test_json_that_is_no_bytes_is_refused(value: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        parsed(f'{{"instances": [{value}]}}', a=TEXTS)


def test_json_that_takes_too_much_as_a_tensor_is_refused() -> None:
    codec = PredictJson("m", None, 16)
    query = codec.parse(b'{"inputs": [1, 2, 3]}')

    with pytest.raises(RequestError, match="takes 24 bytes, more than the 16 of a"):
        codec.arrays(query, signature(a=INTS))


@pytest.mark.parametrize("form", ["instances", "inputs"])
def test_values_of_json_are_let_go_once_they_are_read(form: str) -> None:
    query = JSON.parse(f'{{"{form}": [1, 2, 3]}}'.encode())
    JSON.arrays(query, signature(a=INTS))

    assert query.content == {form: None}


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(RequestError, match="'a': lists of different lengths"):
        parsed('{"inputs": [[1], [2, 3]]}', a=Input(tf.float32, (None, None)))


def test_several_inputs_must_be_named() -> None:
    with pytest.raises(RequestError, match=r"several inputs; name each: \['a', 'b'\]"):
        parsed('{"instances": [1]}', a=FLOATS, b=FLOATS)


def test_outputs_without_common_rows_must_be_asked_for_in_columns() -> None:
    answer = Answer(1, signature(), {"a": np.zeros(1), "b": np.zeros(2)})

    with pytest.raises(RequestError, match="no common number of rows"):
        JSON.reply(Query("m", None, "", {"instances": []}), answer)


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


@pytest.mark.parametrize(
    ("dtype", "missing", "sent", "expected"),
    [
        (tf.float32, float("nan"), "[1.5, null]", [1.5, float("nan")]),
        (tf.int64, -(2**63), "[null, 3]", [-(2**63), 3]),
        (tf.string, b"", '["a", null, {"b64": "Yg=="}]', [b"a", b"", b"b"]),
    ],
    ids=["float", "int", "text"],
)
def test_null_is_a_missing_value_by_row_and_by_column(
    dtype: tf.DType, missing: Any, sent: str, expected: list[Any]
) -> None:
    spec = Input(dtype, (None,), missing)
    values = json.loads(sent)
    rows = json.dumps({"instances": [{"a": value} for value in values]})

    for body in (f'{{"inputs": {{"a": {sent}}}}}', rows):
        np.testing.assert_array_equal(parsed(body, a=spec)["a"], np.array(expected))


def test_null_where_nothing_may_be_missing_is_refused() -> None:
    message = "'a': expected float32, got null; no value of this input may be missing"

    with pytest.raises(RequestError, match=message):
        parsed('{"inputs": {"a": [1.5, null]}}', a=FLOATS)


@pytest.mark.parametrize("form", ["inputs", "instances"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_reply_that_json_cannot_say_is_an_error(form: str, value: float) -> None:
    query = JSON.parse(f'{{"{form}": [1, 2]}}'.encode())
    outputs = {"y": np.array([[0.5, 1], [value, 2]], np.float32)}
    message = (
        rf"output 'y' is {value} at \[1, 0\], which JSON cannot say. Ask over gRPC"
    )

    with pytest.raises(RequestError, match=message) as caught:
        JSON.reply(query, Answer(1, signature(), outputs))

    assert caught.value.http_status == 500


def test_long_names_and_messages_are_cut() -> None:
    assert quoted("a\0b") == r"'a\x00b'"
    assert len(quoted("x" * 1000)) < 100
    assert len(shortened("x" * 9000)) < 1100
    assert len(shortened("\ufffd" * 1000).encode()) < 1100  # gRPC sends 9 bytes each
