"""The C client, gRPC and REST clients get the same bits for the same request."""

import asyncio
import base64
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from shardline.components.server.server import Server
from shardline.components.server.settings import Settings

WORDS = ["ada", "bea", "cid"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A serving folder with a model that scores [batch] from hashed words."""

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = tf.Variable(tf.random.stateless_normal([100, 16], [1, 2]))
            self.kernel = tf.Variable(tf.random.stateless_normal([16, 1], [3, 4]))

        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
        )
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            ids = tf.strings.to_hash_bucket_fast(examples, 100)
            return {
                "scores": tf.sigmoid(tf.gather(self.table, ids) @ self.kernel)[:, 0]
            }

    folder = tmp_path_factory.mktemp("serving")
    model = Model()
    tf.saved_model.save(
        model, str(folder / "1"), signatures={"serving_default": model.serve}
    )
    return folder


async def _over_grpc(port: int, examples: list[str]) -> np.ndarray:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(examples))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = await stub.Predict(request, wait_for_ready=True)
    return np.array(response.outputs["scores"].float_val, np.float32)


async def _over_rest(port: int, examples: list[str]) -> np.ndarray:
    rows = [{"b64": base64.b64encode(e.encode()).decode()} for e in examples]
    url = f"http://127.0.0.1:{port}/v1/models/m:predict"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"instances": rows}) as response,
    ):
        return np.array((await response.json())["predictions"], np.float32)


def _served(folder: Path, requests: list[list[str]]) -> list[tuple[Any, Any]]:
    async def main() -> list[tuple[Any, Any]]:
        server = Server(Settings(folder=folder, name="m", grpc_port=0, rest_port=0))
        await server.start()
        try:
            async with asyncio.timeout(60):
                while not server.is_ready:
                    await asyncio.sleep(0.02)
                return [
                    (
                        await _over_grpc(server.grpc_port, examples),
                        await _over_rest(server.rest_port, examples),
                    )
                    for examples in requests
                ]
        finally:
            await server.stop()

    return asyncio.run(main())


def test_all_clients_get_the_same_bits(
    score_client: Path, model: Path, tmp_path: Path
) -> None:
    requests = [WORDS[:1], WORDS, WORDS * 100]

    answers = _served(model, requests)

    for examples, (over_grpc, over_rest) in zip(requests, answers, strict=True):
        records = tmp_path / "examples"
        with tf.io.TFRecordWriter(str(records)) as writer:
            for each in examples:
                writer.write(each.encode())
        done = subprocess.run(
            [score_client, model / "1", records], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        in_c = np.array(done.stdout.split(), np.float32)
        np.testing.assert_array_equal(over_grpc, in_c)
        np.testing.assert_array_equal(over_rest, in_c)
