"""How clients call a server: over gRPC and over REST, each on a connection of its own.

A caller makes the body of a request from examples, sends it, and reads scores from the
reply; only the sending is a client's wait.
"""

import base64
import http.client
import json
from collections.abc import Callable, Sequence
from typing import Protocol

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from benchmarks.serving.workload import NAME

_HOST = "127.0.0.1"
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_TIMEOUT_S = 30
FAILURES = (grpc.RpcError, OSError, http.client.HTTPException)


class Caller(Protocol):
    """A client's connection to a server."""

    protocol: str

    def body(self, examples: Sequence[bytes]) -> bytes:
        """Returns the request for the scores of serialized tf.Examples."""

    def send(self, body: bytes) -> bytes:
        """Returns the reply to a request; raises one of `FAILURES`."""

    def scores(self, reply: bytes) -> tuple[np.ndarray, int]:
        """Returns (float32 [examples], the version that answered, 0 if not said)."""


class GrpcCaller:
    """Calls TensorFlow Serving's PredictionService."""

    protocol = "gRPC"

    def __init__(self, port: int):
        """Connects.

        Args:
            port: of this machine.
        """
        channel = grpc.insecure_channel(f"{_HOST}:{port}")
        # As bytes: what a client waits for is the reply, not Python's parsing of it.
        self._predict: Callable[..., bytes] = channel.unary_unary(_PREDICT)

    def body(self, examples: Sequence[bytes]) -> bytes:
        """Returns the request for the scores of serialized tf.Examples."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name = NAME
        request.inputs["examples"].CopyFrom(tf.make_tensor_proto(list(examples)))
        return bytes(request.SerializeToString())

    def send(self, body: bytes) -> bytes:
        """Returns the reply to a request."""
        return self._predict(body, timeout=_TIMEOUT_S)

    def scores(self, reply: bytes) -> tuple[np.ndarray, int]:
        """Returns (float32 [examples], the version that answered)."""
        response = predict_pb2.PredictResponse.FromString(reply)
        scores = tf.make_ndarray(response.outputs["scores"])
        return scores, response.model_spec.version.value


class RestCaller:
    """Calls the REST form, in rows."""

    protocol = "REST"

    def __init__(self, port: int):
        """Connects.

        Args:
            port: of this machine.
        """
        self._connection = http.client.HTTPConnection(_HOST, port, timeout=_TIMEOUT_S)

    def body(self, examples: Sequence[bytes]) -> bytes:
        """Returns the request for the scores of serialized tf.Examples."""
        rows = [{"b64": base64.b64encode(example).decode()} for example in examples]
        return json.dumps({"instances": rows}).encode()

    def send(self, body: bytes) -> bytes:
        """Returns the reply to a request.

        Raises:
            HTTPException: if it is a refusal.
        """
        self._connection.request("POST", f"/v1/models/{NAME}:predict", body)
        response = self._connection.getresponse()
        reply = response.read()
        if response.status != http.client.OK:
            raise http.client.HTTPException(f"{response.status}: {reply!r}")
        return reply

    def scores(self, reply: bytes) -> tuple[np.ndarray, int]:
        """Returns (float32 [examples], 0): which version answered it does not say."""
        return np.array(json.loads(reply)["predictions"], np.float32), 0
