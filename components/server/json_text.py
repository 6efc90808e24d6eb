"""Predict requests and replies as TensorFlow Serving's JSON.

Rows: `{"instances": [...]}` gives `{"predictions": [...]}`. Columns: `{"inputs": ...}`
gives `{"outputs": ...}`. Bytes are `{"b64": "..."}`, and `null` is a missing value
where the signature has one. JSON has no NaN and no Infinity, so none are read or
written.
"""

import base64
import binascii
import dataclasses
import itertools
import json
from typing import Any, NoReturn

import numpy as np
import tensorflow as tf

from shardline.components.server.checks import (
    POINTER_BYTES,
    check_bytes,
    check_names,
    check_shape,
)
from shardline.components.server.codec import Answer, Query
from shardline.components.server.model import Arrays, Input, Signature
from shardline.components.server.request_error import (
    RequestError,
    Status,
    invalid,
    quoted,
)

_B64 = "b64"
_WORDS = {
    list: "a list",
    dict: "an object",
    str: "text",
    bool: "a truth value",
    type(None): "null",
}


@dataclasses.dataclass(frozen=True)
class PredictJson:
    """The codec of one POST to `:predict`.

    Attributes:
        model: its name, from the path.
        version: from the path.
        max_bytes: that a request's tensors may take.
    """

    model: str
    version: int | None
    max_bytes: int
    protocol: str = "rest"

    def parse(self, body: bytes) -> Query:
        """Returns what a body asks for.

        Args:
            body: JSON.

        Raises:
            RequestError: if it is no JSON object with instances or inputs.
        """
        content = _loaded(body)
        if not isinstance(content, dict):
            raise invalid(f"The body must be a JSON object, got {_kind(content)}.")
        if ("instances" in content) == ("inputs" in content):
            raise invalid("The body must have either 'instances' or 'inputs'.")
        signature = content.get("signature_name", "")
        if not isinstance(signature, str):
            raise invalid(f"'signature_name' must be text, got {_kind(signature)}.")
        return Query(self.model, self.version, signature, content)

    def arrays(self, query: Query, signature: Signature) -> Arrays:
        """Returns the inputs of a request, which it takes out of the query.

        Args:
            query: with the JSON.
            signature: what is called.

        Raises:
            RequestError: if they do not fit the signature.
        """
        # Lists take many times the bytes of their text.
        if "instances" in query.content:
            rows, query.content["instances"] = query.content["instances"], None
            columns = _columns_of_rows(rows, signature)
        else:
            inputs, query.content["inputs"] = query.content["inputs"], None
            columns = _columns(inputs, signature)
        return {
            name: _array(name, columns[name], spec, self.max_bytes)
            for name, spec in signature.inputs.items()
        }

    def reply(self, query: Query, answer: Answer) -> bytes:
        """Returns JSON; a float32 is written as the digits of its exact value.

        Args:
            query: with the JSON of the request.
            answer: what the model said.

        Raises:
            RequestError: if the outputs are no rows, and rows were asked for, or if one
                is a number that JSON has not.
        """
        for name, array in answer.outputs.items():
            _check_finite(name, array)
        outputs = {name: _values(name, a) for name, a in answer.outputs.items()}
        single = next(iter(outputs.values())) if len(outputs) == 1 else None
        if "inputs" in query.content:
            return _dumped({"outputs": outputs if single is None else single})
        rows = {array.shape[:1] for array in answer.outputs.values()}
        if len(rows) > 1 or () in rows:
            raise invalid(
                f"The outputs of {answer.signature.name!r} have no common number of "
                "rows. Ask with 'inputs' (columns) instead of 'instances'."
            )
        if single is not None:
            return _dumped({"predictions": single})
        by_row = zip(*outputs.values(), strict=True)
        return _dumped(
            {"predictions": [dict(zip(outputs, row, strict=True)) for row in by_row]}
        )


def _loaded(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        words = "nested too deeply" if isinstance(error, RecursionError) else error
        raise invalid(f"The body is no JSON: {words}.") from error


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON; say null for a missing value")


def _dumped(content: Any) -> bytes:
    return json.dumps(content, allow_nan=False).encode()


def _check_finite(name: str, array: np.ndarray) -> None:
    if array.dtype == object or np.isfinite(array).all():
        return
    position = np.argwhere(~np.isfinite(array))[0].tolist()
    raise RequestError(
        Status.INTERNAL,
        f"The model's output {name!r} is {array[tuple(position)]} at {position}, which "
        "JSON cannot say. Ask over gRPC to see it, and look at what was asked.",
    )


def _kind(value: Any) -> str:
    return _WORDS.get(type(value), f"{value!r:.40}")


def _names(row: Any) -> str:
    if not _is_named(row):
        return _kind(row)
    return ", ".join(map(quoted, sorted(row)[:10])) or "none"


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and set(value) != {_B64}


def _columns_of_rows(instances: Any, signature: Signature) -> dict[str, Any]:
    if not isinstance(instances, list):
        raise invalid(f"'instances' must be a list of rows, got {_kind(instances)}.")
    if not instances:
        raise invalid("'instances' is an empty list. Send at least one row.")
    if not _is_named(instances[0]):
        return _only_input(instances, signature)
    for position, row in enumerate(instances):
        if not _is_named(row) or row.keys() != instances[0].keys():
            raise invalid(
                "Every one of 'instances' must have the same inputs; the first has "
                f"{_names(instances[0])}, number {position} has {_names(row)}."
            )
    check_names(signature, instances[0])
    return {name: [row[name] for row in instances] for name in instances[0]}


def _columns(inputs: Any, signature: Signature) -> dict[str, Any]:
    if not _is_named(inputs):
        return _only_input(inputs, signature)
    check_names(signature, inputs)
    return dict(inputs)


def _only_input(value: Any, signature: Signature) -> dict[str, Any]:
    if len(signature.inputs) != 1:
        raise invalid(
            f"The signature {signature.name!r} has several inputs; name each: "
            f"{list(signature.inputs)}."
        )
    return {next(iter(signature.inputs)): value}


def _array(name: str, value: Any, spec: Input, max_bytes: int) -> np.ndarray:
    """Returns nested lists as an array of a signature's type and shape."""
    shape: list[int] = []
    leaves = [value]
    while leaves and type(leaves[0]) is list and len(shape) < _rank(spec):
        if len({type(leaf) is list and len(leaf) for leaf in leaves}) != 1:
            raise invalid(f"Input {name!r}: lists of different lengths.")
        shape.append(len(leaves[0]))
        leaves = list(itertools.chain.from_iterable(leaves))
    check_shape(name, spec, shape)
    check_bytes(name, shape, spec.dtype.size or POINTER_BYTES, max_bytes)
    return _with_missing(name, leaves, spec).reshape(shape)


def _rank(spec: Input) -> int:
    # Of an array in numpy.
    return 32 if spec.shape is None else len(spec.shape)


def _with_missing(name: str, leaves: list[Any], spec: Input) -> np.ndarray:
    """Returns values [n], where null is what stands for a missing value."""
    if None not in leaves:
        return _typed(name, leaves, spec.dtype)
    if spec.missing is None:
        raise invalid(
            f"Input {name!r}: expected {spec.dtype.name}, got null; no value of this "
            "input may be missing."
        )
    is_null = np.array([leaf is None for leaf in leaves])
    stand_in = "" if spec.dtype == tf.string else 0
    values = _typed(name, [stand_in if x is None else x for x in leaves], spec.dtype)
    values[is_null] = spec.missing
    return values


def _typed(name: str, leaves: list[Any], dtype: tf.DType) -> np.ndarray:
    if dtype == tf.string:
        return np.array([_bytes(name, leaf) for leaf in leaves], object)
    allowed: set[type] = {bool} if dtype.is_bool else {int}
    if dtype.is_floating:
        allowed.add(float)
    if wrong := [leaf for leaf in leaves if type(leaf) not in allowed]:
        raise invalid(f"Input {name!r}: expected {dtype.name}, got {_kind(wrong[0])}.")
    try:
        wide = np.array(leaves, np.float64 if dtype.is_floating else np.int64)
    except OverflowError as error:
        raise invalid(f"Input {name!r}: too large for {dtype.name}.") from error
    with np.errstate(over="ignore"):
        array = wide.astype(dtype.as_numpy_dtype)
    fits = np.isfinite(array) if dtype.is_floating else array == wide
    if not np.all(fits):
        raise invalid(f"Input {name!r}: too large for {dtype.name}.")
    return array


def _bytes(name: str, leaf: Any) -> bytes:
    if isinstance(leaf, str):
        try:
            return leaf.encode()
        except UnicodeEncodeError as error:
            raise invalid(f"Input {name!r}: {error}.") from error
    if not isinstance(leaf, dict) or not isinstance(leaf.get(_B64), str):
        raise invalid(
            f'Input {name!r}: expected text or {{"b64": "..."}}, got {_kind(leaf)}.'
        )
    try:
        return base64.b64decode(leaf[_B64], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(
            f"Input {name!r}: {quoted(leaf[_B64])} is no base64: {error}."
        ) from error


def _values(name: str, array: np.ndarray) -> Any:
    """Returns an output as nested lists; bytes as text unless it is named `_bytes`."""
    if array.dtype != object:
        return array.tolist()
    write = _as_b64 if name.endswith("_bytes") else _as_text
    return (
        np.array([write(b) for b in array.ravel()], object)
        .reshape(array.shape)
        .tolist()
    )


def _as_b64(value: bytes) -> dict[str, str]:
    return {_B64: base64.b64encode(value).decode()}


def _as_text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
