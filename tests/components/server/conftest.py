"""A small model with every kind of signature, and a server of it in this process."""

import asyncio
import base64
import dataclasses
import shutil
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from shardline.components.server.server import Server
from shardline.components.server.settings import Settings

DIM = 16
NAME = "small"
_DEADLINE_S = 60
MODEL = f"/v1/models/{NAME}"


def example(user: int, history: list[int]) -> bytes:
    """One serialized example."""

    def ids(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    columns = {"user": ids([user]), "history": ids(history)}
    return tf.train.Example(
        features=tf.train.Features(feature=columns)
    ).SerializeToString()


EXAMPLES = [example(1, [2, 3]), example(4, []), example(5, [6] * 20)]
B64 = [{"b64": base64.b64encode(e).decode()} for e in EXAMPLES]


class _Model(tf.Module):
    def __init__(self, rows: int, bias: float):
        super().__init__()
        self.table = tf.Variable(tf.random.stateless_normal([rows, DIM], [1, 2]))
        self.kernel = tf.Variable(
            0.1 * tf.random.stateless_normal([2 * DIM, 1], [3, 4])
        )
        self.bias = tf.Variable(bias)

    def scores(self, user: tf.Tensor, history: tf.RaggedTensor) -> tf.Tensor:
        pooled = self.pooled(history, tf.ones_like(history.values, tf.float32))
        inputs = tf.concat([tf.gather(self.table, user), pooled], axis=1)
        return tf.sigmoid((inputs @ self.kernel)[:, 0] + self.bias)

    def pooled(self, history: tf.RaggedTensor, weights: tf.Tensor) -> tf.Tensor:
        rows = tf.gather(self.table, history.values) * weights[:, tf.newaxis]
        return tf.math.unsorted_segment_sum(
            rows, history.value_rowids(), history.nrows()
        )


def _signatures(model: _Model) -> dict[str, Any]:
    ids, strings = tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.string)

    def named(spec: tf.TensorSpec, name: str) -> tf.TensorSpec:
        return tf.TensorSpec(spec.shape, spec.dtype, name=name)

    def of_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {
            "user": tf.io.FixedLenFeature([], tf.int64),
            "history": tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
        }
        parsed = tf.io.parse_example(examples, spec)
        return {"scores": model.scores(parsed["user"], parsed["history"])}

    def columns(
        user: tf.Tensor, history_values: tf.Tensor, history_row_splits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        history = tf.RaggedTensor.from_row_splits(history_values, history_row_splits)
        return {"scores": model.scores(user, history)}

    def lookup(
        user: tf.Tensor,
        history_values: tf.Tensor,
        history_row_splits: tf.Tensor,
        history_weights: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        history = tf.RaggedTensor.from_row_splits(history_values, history_row_splits)
        return {
            "user": tf.gather(model.table, user),
            "history": model.pooled(history, history_weights),
        }

    def slow(rounds: tf.Tensor) -> dict[str, tf.Tensor]:
        start = tf.ones([256, 256])
        made = tf.while_loop(
            lambda count, _: count < rounds,
            lambda count, x: (count + 1, tf.tanh(x @ x)),
            (tf.constant(0, tf.int64), start),
        )
        return {"rounds": made[0], "sum": tf.reduce_sum(made[1])}

    def echo(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"text": tf.identity(text), "text_bytes": tf.identity(text)}

    flat = [ids, ids, ids]
    names = ["user", "history_values", "history_row_splits"]
    named_ids = [named(spec, name) for spec, name in zip(flat, names, strict=True)]
    weights = tf.TensorSpec([None], tf.float32, name="history_weights")
    specs = {
        "serving_default": (of_examples, [named(strings, "examples")]),
        "columns": (columns, named_ids),
        "lookup": (lookup, [*named_ids, weights]),
        "slow": (slow, [tf.TensorSpec([], tf.int64, name="rounds")]),
        "echo": (echo, [named(strings, "text")]),
    }
    return {
        name: tf.function(function, input_signature=signature)
        for name, (function, signature) in specs.items()
    }


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Saves a model; each of the same numbers once. Not to be changed."""
    made: dict[tuple[int, float], Path] = {}

    def make(*, bias: float = 0.0, rows: int = 50) -> Path:
        if (rows, bias) not in made:
            folder = tmp_path_factory.mktemp("model")
            model = _Model(rows, bias)
            tf.saved_model.save(model, str(folder), signatures=_signatures(model))
            made[rows, bias] = folder
        return made[rows, bias]

    return make


@pytest.fixture
def publish(tmp_path: Path, make_model: Callable[..., Path]) -> Callable[..., Path]:
    """Puts a version into the serving folder, by a rename; returns that folder."""
    folder = tmp_path / "serving"
    folder.mkdir()

    def publish_version(version: int, warmup: Any = None, **numbers: float) -> Path:
        incoming = folder / f".incoming-{version}"
        shutil.copytree(make_model(**numbers), incoming)
        if warmup is not None:
            _write_warmup(incoming / "assets.extra", warmup)
        incoming.rename(folder / str(version))
        return folder

    return publish_version


def _write_warmup(folder: Path, request: predict_pb2.PredictRequest) -> None:
    folder.mkdir()
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(request)
    with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())


@dataclasses.dataclass(frozen=True)
class Client:
    """Talks to a server in this process."""

    server: Server
    channel: grpc.aio.Channel
    http: aiohttp.ClientSession

    async def predict(self, signature: str = "", **inputs: Any) -> dict[str, Any]:
        """Asks over gRPC; returns outputs as arrays."""
        request = request_for(signature, **inputs)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        response = await stub.Predict(request)
        return {name: tf.make_ndarray(p) for name, p in response.outputs.items()}

    async def post(self, content: Any, path: str = "") -> tuple[int, Any]:
        """Asks over REST; returns the status and what came."""
        url = path or f"/v1/models/{NAME}:predict"
        data = content if isinstance(content, bytes) else None
        sent = {"data": data} if data is not None else {"json": content}
        async with self.http.post(url, **sent) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> tuple[int, Any]:
        """Gets what lies at a path."""
        async with self.http.get(path) as response:
            is_json = response.content_type == "application/json"
            return response.status, await (
                response.json() if is_json else response.text()
            )

    async def wait_until(self, is_true: Callable[[], bool]) -> None:
        """Waits for what must become true."""
        async with asyncio.timeout(_DEADLINE_S):
            while not is_true():
                await asyncio.sleep(0.01)

    async def wait_for_version(self, version: int) -> None:
        """Waits until a version is served."""

        def is_served() -> bool:
            current = self.server.versions.current
            return current is not None and current.version == version

        await self.wait_until(is_served)


def request_for(signature: str = "", **inputs: Any) -> predict_pb2.PredictRequest:
    """A request for the small model; values are arrays or protos."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = NAME
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        is_proto = isinstance(value, tensor_pb2.TensorProto)
        request.inputs[name].CopyFrom(
            value if is_proto else tf.make_tensor_proto(value)
        )
    return request


def flat_inputs(user: list[int], history: list[list[int]]) -> dict[str, np.ndarray]:
    """The inputs of `columns`."""
    splits = np.cumsum([0, *(len(row) for row in history)])
    return {
        "user": np.array(user, np.int64),
        "history_values": np.array([i for row in history for i in row], np.int64),
        "history_row_splits": splits.astype(np.int64),
    }


def expected_scores(folder: Path) -> np.ndarray:
    """What TensorFlow itself answers to EXAMPLES."""
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return signature(examples=tf.constant(EXAMPLES))["scores"].numpy()


def hold(client: Client, name: str) -> threading.Event:
    """Lets a signature of the served version go on only once the event is set."""
    end = threading.Event()
    signatures = client.server.versions.current.signatures
    run = signatures[name].function

    def held(*values: np.ndarray) -> list[np.ndarray]:
        end.wait()
        return run(*values)

    signatures[name] = dataclasses.replace(signatures[name], function=held)
    return end


def refused(call: Any) -> Any:
    """Returns what a call over gRPC was refused with."""
    return pytest.raises(grpc.aio.AioRpcError, match=call)


Scenario = Callable[[Client], Awaitable[Any]]


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    """Serves a folder in this process for the time of a scenario."""

    def run(
        folder: Path, scenario: Scenario, *, is_ready: bool = True, **told: Any
    ) -> Any:
        settings = Settings(
            folder=folder,
            name=NAME,
            grpc_port=0,
            rest_port=0,
            **{"poll_s": 0.05, **told},
        )

        async def main() -> Any:
            server = Server(settings)
            await server.start()
            try:
                address = f"127.0.0.1:{server.grpc_port}"
                base = f"http://127.0.0.1:{server.rest_port}"
                async with (
                    grpc.aio.insecure_channel(address) as channel,
                    aiohttp.ClientSession(base) as http,
                    asyncio.timeout(_DEADLINE_S),
                ):
                    client = Client(server, channel, http)
                    if is_ready:
                        await client.wait_until(lambda: server.is_ready)
                    return await scenario(client)
            finally:
                await server.stop()

        return asyncio.run(main())

    return run
