"""Predict requests and replies as TensorFlow Serving's messages.

Replies hold typed values (`float_val` and so on), not `tensor_content`: clients of
TensorFlow Serving read those.
"""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError, Message
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2

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

_FIELDS = {
    tf.bool: "bool_val",
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int32: "int_val",
    tf.int64: "int64_val",
    tf.string: "string_val",
}


@dataclasses.dataclass(frozen=True)
class PredictMessages:
    """The codec of PredictionService.Predict.

    Attributes:
        max_bytes: that a request's tensors may take.
    """

    max_bytes: int
    protocol: str = "grpc"

    def parse(self, body: bytes) -> Query:
        """Returns what a PredictRequest asks for.

        Args:
            body: serialized.

        Raises:
            RequestError: if it is none, or asks for a label.
        """
        request = parsed(predict_pb2.PredictRequest, body)
        return query_of(request.model_spec, request)

    def arrays(self, query: Query, signature: Signature) -> Arrays:
        """Returns the inputs of a request, which it takes out of the query.

        Args:
            query: with the PredictRequest.
            signature: what is called.

        Raises:
            RequestError: if they do not fit the signature.
        """
        inputs = query.content.inputs
        check_names(signature, inputs)
        _check_filter(signature, query.content.output_filter)
        arrays = {
            name: array_of(name, inputs[name], spec, self.max_bytes)
            for name, spec in signature.inputs.items()
        }
        inputs.clear()
        return arrays

    def reply(self, query: Query, answer: Answer) -> bytes:
        """Returns a serialized PredictResponse.

        Args:
            query: with the PredictRequest.
            answer: what the model said.
        """
        response = predict_pb2.PredictResponse()
        response.model_spec.name = query.model
        response.model_spec.version.value = answer.version
        response.model_spec.signature_name = answer.signature.name
        wanted = set(query.content.output_filter) or set(answer.outputs)
        for name in wanted:
            response.outputs[name].CopyFrom(proto_of(answer.outputs[name]))
        return bytes(response.SerializeToString())


def parsed(message: type[Message], body: bytes) -> Any:
    """Returns a message.

    Args:
        message: its class.
        body: serialized.

    Raises:
        RequestError: if it is no such message.
    """
    try:
        return message.FromString(body)
    except DecodeError as error:
        raise invalid(f"The request is no {message.__name__}: {error}.") from error


def query_of(spec: Any, content: Any) -> Query:
    """Returns what a ModelSpec asks for.

    Args:
        spec: the ModelSpec.
        content: what else the request holds.

    Raises:
        RequestError: if it asks for a label.
    """
    if spec.version_label:
        raise no_label(spec.version_label)
    version = spec.version.value if spec.HasField("version") else None
    return Query(spec.name, version, spec.signature_name, content)


def no_label(label: str) -> RequestError:
    """Returns the error of a request for a version by its label."""
    return RequestError(
        Status.NOT_FOUND,
        f"There is no version label {quoted(label)}: this server has none. Ask for a "
        "version by its number, or for none.",
    )


def array_of(name: str, proto: Any, spec: Input, max_bytes: int) -> np.ndarray:
    """Returns a TensorProto's values, once it is known what they take.

    A proto may hold fewer values than its shape says: the last one is repeated.

    Args:
        name: the name of the input.
        proto: the TensorProto.
        spec: what the signature says.
        max_bytes: that the array may take.

    Raises:
        RequestError: if it does not fit, or says other than it holds.
    """
    if proto.dtype != spec.dtype.as_datatype_enum:
        names = types_pb2.DataType
        sent = names.Name(proto.dtype) if proto.dtype in names.values() else "no type"
        raise invalid(f"Input {name!r}: expected {spec.dtype.name}, got {sent}.")
    if proto.tensor_shape.unknown_rank:
        raise invalid(f"Input {name!r}: the shape is not said.")
    shape = [dim.size for dim in proto.tensor_shape.dim]
    check_shape(name, spec, shape)
    check_bytes(name, shape, spec.dtype.size or POINTER_BYTES, max_bytes)
    _check_content(name, proto, spec, shape, max_bytes)
    try:
        return np.asarray(tf.make_ndarray(proto))
    except ValueError as error:  # a shape that TensorFlow has, but numpy has not
        raise invalid(f"Input {name!r}: {error}.") from error


def proto_of(array: np.ndarray) -> Any:
    """Returns a TensorProto with typed values."""
    dtype = tf.as_dtype(array.dtype if array.dtype != object else tf.string)
    proto = tensor_pb2.TensorProto(
        dtype=dtype.as_datatype_enum,
        tensor_shape=tf.TensorShape(array.shape).as_proto(),
    )
    if dtype in _FIELDS:
        getattr(proto, _FIELDS[dtype]).extend(array.ravel().tolist())
    else:
        proto.tensor_content = array.tobytes()
    return proto


def _check_filter(signature: Signature, wanted: Any) -> None:
    unknown = sorted(set(wanted) - set(signature.outputs))
    if unknown:
        raise invalid(
            f"The signature {signature.name!r} has no output {quoted(unknown[0])}; it "
            f"has {list(signature.outputs)}."
        )


def _check_content(
    name: str, proto: Any, spec: Input, shape: list[int], max_bytes: int
) -> None:
    """Compares what a proto holds with what its shape says."""
    size = int(np.prod(shape, dtype=np.int64))
    if proto.tensor_content:
        if len(proto.tensor_content) != size * (spec.dtype.size or -1):
            raise invalid(
                f"Input {name!r}: {len(proto.tensor_content)} bytes of content do not "
                f"make {size} values of {spec.dtype.name}."
            )
        return
    field = _FIELDS.get(spec.dtype)
    if field is None:
        raise invalid(
            f"Input {name!r}: send {spec.dtype.name} values as tensor_content."
        )
    values = getattr(proto, field)
    if len(values) > size or (size and not values):
        raise invalid(
            f"Input {name!r}: {len(values)} values in {field} for the shape {shape}."
        )
    if spec.dtype == tf.string and len(values) < size:
        repeated = POINTER_BYTES + len(values[-1])
        check_bytes(name, shape, repeated, max_bytes)
