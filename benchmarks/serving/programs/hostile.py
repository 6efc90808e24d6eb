"""Requests that no well-meaning client sends: every one must come back as an error.

    python -m benchmarks.serving.programs.hostile GRPC_PORT REST_PORT MODEL ROUNDS

Sends each kind as often as said to a server on this machine, over gRPC and REST, and
prints as JSON how many were sent, which replies each kind got, and those that were
wrong: an answer, none at all, or an INTERNAL error. It knows the model by its metadata.
"""

import dataclasses
import gzip
import http.client
import json
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

_HOST = "127.0.0.1"
_TIMEOUT_S = 60.0
_SERVICE = "/tensorflow.serving.PredictionService/"
_REFUSED = {
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "FAILED_PRECONDITION",
    "RESOURCE_EXHAUSTED",
    "UNIMPLEMENTED",
}
_NAMES = ["", "../x", "..", "%2e%2e", "/etc/passwd", "a\0b", "x" * 5000, "é\u202e"]
_JSON = [
    b"",
    b"{",
    b"null",
    b"[1]",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"instances": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"instances": []}',
    b'{"instances": [NaN]}',
    b'{"inputs": {"examples": [Infinity]}}',
    b'{"instances": [1e999]}',
    b'{"instances": [' + b"9" * 5000 + b"]}",
    b'{"instances": [true]}',
    b'{"instances": [{"b64": "not base64"}]}',
    b'{"instances": [{"b64": 7}]}',
    b'{"instances": [{"examples": ["a", ["b"]]}]}',
    b'{"instances": ["a"], "inputs": ["a"]}',
    b'{"instances": ["\\ud800"]}',
    b'{"inputs": {"nothing": [1]}}',
    b'{"inputs": [["a"]]}',
    b'{"inputs": ["a"], "signature_name": 3}',
    b'{"inputs": ["a"], "signature_name": "../x"}',
]
_PATHS = [
    "/v1/models/../../etc/passwd:predict",
    "/v1/models/%2e%2e%2fx:predict",
    "/v1/models/a%00b:predict",
    "/v1/models//etc/passwd:predict",
    "/v1/models/{model}/versions/-1:predict",
    "/v1/models/{model}/versions/99999999999999999999999:predict",
    "/v1/models/{model}/versions/1e3:predict",
    "/v1/models/{model}:explode",
    "/v1/models/{model}:classify",
    "/" + "x" * 6000,
]


@dataclasses.dataclass(frozen=True)
class Target:
    """A server on this machine.

    Attributes:
        grpc_port: of its gRPC services.
        rest_port: of its REST form.
        model: what it serves.
        max_request_bytes: what it was told.
        read_timeout_s: what it was told.
    """

    grpc_port: int
    rest_port: int
    model: str
    max_request_bytes: int = 16 << 20
    read_timeout_s: float = 30.0


@dataclasses.dataclass
class Replies:
    """What came back.

    Attributes:
        sent: requests.
        kinds: by kind of request, how often each reply came.
        wrong: the first requests that were not refused as they must be.
    """

    sent: int = 0
    kinds: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    wrong: list[str] = dataclasses.field(default_factory=list)

    def add(self, kind: str, reply: str, *, is_refusal: bool) -> None:
        """Counts one."""
        self.sent += 1
        counts = self.kinds.setdefault(kind, {})
        counts[reply] = counts.get(reply, 0) + 1
        if not is_refusal and len(self.wrong) < 100:
            self.wrong.append(f"{kind}: {reply}")


def attack(target: Target, rounds: int) -> Replies:
    """Sends every kind of request.

    Args:
        target: where to.
        rounds: how often. What is large or slow is sent once in each ten, at least
            once.
    """
    replies = Replies()
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"{_HOST}:{target.grpc_port}", options) as channel:
        messages = [*_messages(target, _signatures(channel, target.model))]
        large = "x" * (target.max_request_bytes + 1)
        for number in range(rounds):
            for kind, method, body in messages:
                _send_grpc(channel, kind, method, body, replies)
            for kind, method, path, body in _http_requests(target):
                _send_http(target, kind, (method, path, body), replies)
            if number % 10 == 0:
                _send_grpc(channel, "oversized", "Predict", large.encode(), replies)
                path = f"/v1/models/{target.model}:predict"
                request = ("POST", path, json.dumps({"instances": [large]}).encode())
                _send_http(target, "oversized", request, replies)
                _send_compressed(channel, target, replies)
                _send_garbage(target, replies)
    _send_slowly(target, replies)
    return replies


def _signatures(channel: grpc.Channel, model: str) -> Any:
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = model
    request.metadata_field.append("signature_def")
    call = channel.unary_unary(f"{_SERVICE}GetModelMetadata")
    body = call(request.SerializeToString(), timeout=_TIMEOUT_S)
    response = get_model_metadata_pb2.GetModelMetadataResponse.FromString(body)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return signatures.signature_def


def _messages(target: Target, signatures: Any) -> Iterator[tuple[str, str, bytes]]:
    """Yields (kind, method, body)."""
    for method in ("Predict", "GetModelMetadata", "Classify", "Regress"):
        yield "malformed protobuf", method, b"\xff\xff\xff\xff nonsense"
        yield "empty body", method, b""
    good = _request(target.model)
    good.inputs["examples"].CopyFrom(tf.make_tensor_proto([b""]))
    whole = good.SerializeToString()
    yield "truncated protobuf", "Predict", whole[: len(whole) - 3]
    for kind, change in _changes():
        request = predict_pb2.PredictRequest()
        request.CopyFrom(good)
        change(request)
        yield kind, "Predict", request.SerializeToString()
    for name, signature in signatures.items():
        for kind, request in _flat_requests(target.model, name, signature):
            yield kind, "Predict", request.SerializeToString()


def _request(model: str, signature: str = "serving_default") -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    return request


def _changes() -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Yields what to do to a request for examples, and what kind that makes it."""

    def examples(kind: str, *arguments: Any, **options: Any) -> Any:
        proto = tf.make_tensor_proto(*arguments, **options)
        return kind, lambda request: request.inputs["examples"].CopyFrom(proto)

    def shaped(*sizes: int) -> Any:
        def change(request: Any) -> None:
            shape = request.inputs["examples"].tensor_shape
            del shape.dim[:]
            for size in sizes:
                shape.dim.add(size=size)

        return "declared shape", change

    yield examples("malformed example", [b"\xff\xff\xff"])
    yield examples("malformed example", [b"\x0a\x80\x80\x80\x80\x08"])
    yield examples("wrong type", [1])
    yield examples("wrong type", [1.0])
    yield examples("wrong shape", [[b""]])
    yield examples("wrong shape", b"")
    yield examples("no examples", [], dtype=tf.string, shape=[0])
    for sizes in ([2**40], [2**62], [2**32, 2**32], [-1], [-(2**63)], [1] * 254, []):
        yield shaped(*sizes)
    yield shaped(2**20)
    yield (
        "declared shape",
        lambda r: setattr(r.inputs["examples"].tensor_shape, "unknown_rank", True),
    )
    yield (
        "content of strings",
        lambda r: setattr(r.inputs["examples"], "tensor_content", b"abc"),
    )
    yield "unknown type", lambda r: setattr(r.inputs["examples"], "dtype", 9999)
    yield "missing input", lambda r: r.inputs.clear()
    yield "extra input", lambda r: r.inputs["x\0y"].CopyFrom(r.inputs["examples"])
    yield "unknown output", lambda r: r.output_filter.append("../x")
    for name in _NAMES:
        yield "model name", lambda r, name=name: setattr(r.model_spec, "name", name)
        if name:
            yield (
                "signature name",
                lambda r, name=name: setattr(r.model_spec, "signature_name", name),
            )
            yield (
                "version label",
                lambda r, name=name: setattr(r.model_spec, "version_label", name),
            )
    for version in (-1, -(2**63), 2**63 - 1):
        yield (
            "version",
            lambda r, version=version: setattr(r.model_spec.version, "value", version),
        )


def _flat_requests(
    model: str, signature_name: str, signature: Any
) -> Iterator[tuple[str, Any]]:
    """Yields requests with one wrong input, for each that the signature has."""
    inputs = {name: tf.DType(i.dtype) for name, i in signature.inputs.items()}

    def request(**changed: Any) -> Any:
        made = _request(model, signature_name)
        for name, dtype in inputs.items():
            # One example without ids, or with an id that need not exist.
            rows = [0, 0] if name.endswith("_row_splits") else []
            proto = tf.make_tensor_proto(rows, dtype=dtype, shape=[len(rows)])
            made.inputs[name].CopyFrom(changed.get(name, proto))
        return made

    ints = tf.int64
    for name, dtype in inputs.items():
        other = tf.int64 if dtype == tf.string else tf.string
        yield (
            "wrong type",
            request(
                **{name: tf.make_tensor_proto([1 if other == ints else b"1"], other)}
            ),
        )
        zero = b"" if dtype == tf.string else 0
        is_list = len(signature.inputs[name].tensor_shape.dim) > 0
        other_rank = tf.make_tensor_proto(zero if is_list else [zero], dtype)
        yield "wrong shape", request(**{name: other_rank})
        values = name.removesuffix("_row_splits") + "_values"
        if name.endswith("_row_splits") and values in inputs:
            for splits in ([0, 3, 2], [0, 5], [1, 2], [-1, 2], [0, 2**62], [2], []):
                held = [b"a", b"b"] if inputs[values] == tf.string else [1, 1]
                yield (
                    "row splits",
                    request(
                        **{
                            name: tf.make_tensor_proto(splits, ints, [len(splits)]),
                            values: tf.make_tensor_proto(held, inputs[values]),
                        }
                    ),
                )
        if name.endswith("_weights"):
            yield "weights", request(**{name: tf.make_tensor_proto([1.0, 1.0], dtype)})


def _http_requests(target: Target) -> Iterator[tuple[str, str, str, bytes]]:
    """Yields (kind, method, path, body)."""
    path = f"/v1/models/{target.model}:predict"
    for body in _JSON:
        yield "json", "POST", path, body
    for hostile in _PATHS:
        body = b'{"instances": ["a"]}'
        yield "path", "POST", hostile.format(model=target.model), body
    for method in ("GET", "PUT", "DELETE", "PATCH", "BREW"):
        yield "method", method, path, b""


def _send_grpc(
    channel: grpc.Channel,
    kind: str,
    method: str,
    body: bytes,
    replies: Replies,
    *,
    compression: grpc.Compression = grpc.Compression.NoCompression,
) -> None:
    call = channel.unary_unary(_SERVICE + method)
    try:
        call(body, timeout=_TIMEOUT_S, compression=compression)
        code = "OK"
    except grpc.RpcError as error:
        code = error.code().name
    replies.add(f"grpc {kind}", code, is_refusal=code in _REFUSED)


def _send_http(
    target: Target,
    kind: str,
    request: tuple[str, str, bytes],
    replies: Replies,
    *,
    encoding: str = "identity",
) -> None:
    connection = http.client.HTTPConnection(_HOST, target.rest_port, timeout=_TIMEOUT_S)
    try:
        method, path, body = request
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Content-Encoding", encoding)
        connection.endheaders()
        connection.send(body)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it need not read all of what is too large
    try:
        response = connection.getresponse()
        reply, body = str(response.status), response.read()
        is_refusal = 400 <= response.status < 500 or response.status == 501
        if b'"error"' not in body and response.status not in (400, 414, 431):
            is_refusal = False
    except (OSError, http.client.HTTPException) as error:
        reply, is_refusal = type(error).__name__, kind == "oversized"
    finally:
        connection.close()
    replies.add(f"rest {kind}", reply, is_refusal=is_refusal)


def _send_compressed(channel: grpc.Channel, target: Target, replies: Replies) -> None:
    """Sends what is small, and eight times too large once it is unpacked."""
    large = b"[" * (target.max_request_bytes * 8)
    gzipped = grpc.Compression.Gzip
    _send_grpc(channel, "compressed", "Predict", large, replies, compression=gzipped)
    request = ("POST", f"/v1/models/{target.model}:predict", gzip.compress(large))
    _send_http(target, "compressed", request, replies, encoding="gzip")


def _send_garbage(target: Target, replies: Replies) -> None:
    """Sends bytes of no protocol; the connection must end, with or without a reply."""
    for port in (target.grpc_port, target.rest_port):
        with socket.create_connection((_HOST, port), timeout=_TIMEOUT_S) as sender:
            sender.sendall(b"\0\xffnonsense\r\n\r\n" * 100)
            sender.shutdown(socket.SHUT_WR)
            try:
                while sender.recv(1 << 16):
                    pass
                reply = "closed"
            except ConnectionResetError:
                reply = "closed"
            except TimeoutError:
                reply = "open"
        replies.add("garbage", reply, is_refusal=reply == "closed")


def _send_slowly(target: Target, replies: Replies) -> None:
    """Sends half a body and waits."""
    path = f"/v1/models/{target.model}:predict"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    timeout_s = target.read_timeout_s + _TIMEOUT_S
    with socket.create_connection((_HOST, target.rest_port), timeout_s) as sender:
        sender.sendall(head.encode() + b'{"instances"')
        reply = sender.recv(1 << 16).decode().split(" ")[1]
    replies.add("rest slow body", reply, is_refusal=reply == "408")


if __name__ == "__main__":
    grpc_port, rest_port, name, count = sys.argv[1:]
    done = attack(Target(int(grpc_port), int(rest_port), name), int(count))
    print(json.dumps(dataclasses.asdict(done)))
