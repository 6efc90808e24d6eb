"""Bodies of JSON: read, written, and refused with the input's name."""

import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.server.codec import Answer, Query
from shardline.components.server.json_text import PredictJson
from shardline.components.server.model import Input, Signature
from shardline.components.server.request_error import RequestError

FLOATS = Input(tf.float32, (None,))
INTS = Input(tf.int64, (None,))
TEXTS = Input(tf.string, (None,))
JSON = PredictJson("m", None, 1 << 20)


def signature(outputs: tuple[str, ...] = ("y",), **inputs: Input) -> Signature:
    return Signature("s", None, inputs, outputs, lambda *values: [])


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


@pytest.mark.parametrize("layout", ["instances", "inputs"])
def test_values_of_json_are_let_go_once_they_are_read(layout: str) -> None:
    query = JSON.parse(f'{{"{layout}": [1, 2, 3]}}'.encode())
    JSON.arrays(query, signature(a=INTS))

    assert query.content == {layout: None}


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


@pytest.mark.parametrize("layout", ["inputs", "instances"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_reply_that_json_cannot_say_is_an_error(layout: str, value: float) -> None:
    query = JSON.parse(f'{{"{layout}": [1, 2]}}'.encode())
    outputs = {"y": np.array([[0.5, 1], [value, 2]], np.float32)}
    message = (
        rf"output 'y' is {value} at \[1, 0\], which JSON cannot say. Ask over gRPC"
    )

    with pytest.raises(RequestError, match=message) as caught:
        JSON.reply(query, Answer(1, signature(), outputs))

    assert caught.value.http_status == 500
