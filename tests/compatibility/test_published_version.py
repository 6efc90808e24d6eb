"""A version that an older one published is served, checked, and takes a delta."""

import asyncio
import shutil
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from shardline.components.pusher.agent import update
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.components.pusher.stores.stores import open_store
from shardline.components.server.server import Server
from shardline.components.server.settings import Settings
from shardline.components.validator.published_model import check_published_model
from shardline.configs.serving import Publishing

EXACTLY = (16, 0.0)


@pytest.fixture
def serving(old_run: Path, tmp_path: Path) -> Path:
    """The folder of published versions, to be changed."""
    folder = tmp_path / "serving"
    shutil.copytree(old_run / "serving", folder)
    return folder


@pytest.fixture
def published(serving: Path) -> Path:
    """The published version."""
    (version,) = (path for path in serving.iterdir() if path.name.isdigit())
    return version


def files_in(model: Path) -> dict[str, bytes]:
    """Returns the files of a model, but for what its publication says."""
    files = {
        str(path.relative_to(model)): path.read_bytes()
        for path in model.rglob("*")
        if path.is_file()
    }
    files.pop("assets.extra/publication.json", None)
    return files


async def served_scores(folder: Path, examples: list[bytes]) -> np.ndarray:
    """Returns what our server answers over gRPC: float32 [examples]."""
    settings = Settings(folder=folder, name="tiny", grpc_port=0, rest_port=0)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "tiny"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(examples))
    server = Server(settings)
    await server.start()
    try:
        address = f"127.0.0.1:{server.grpc_port}"
        async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(60):
            while not server.is_ready:
                await asyncio.sleep(0.01)
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            response = await stub.Predict(request)
            return tf.make_ndarray(response.outputs["scores"])
    finally:
        await server.stop()


def test_server_answers_as_the_old_engine(serving: Path, published: Path) -> None:
    parity = published / "assets.extra" / "parity"
    records = tf.data.TFRecordDataset(str(parity / "examples.tfrecord"))
    examples = list(records.as_numpy_iterator())

    scores = asyncio.run(served_scores(serving, examples))

    np.testing.assert_array_equal(scores, np.load(parity / "scores.npy"))


def test_check_finds_no_difference(serving: Path) -> None:
    parity = check_published_model(serving, max_difference=0.0)
    assert (parity.examples, parity.largest_difference) == EXACTLY


def test_same_model_is_not_published_again(serving: Path, published: Path) -> None:
    record, publishing = Record(origin={}), Publishing()

    again = publish_model(published, str(serving), publishing, record)

    assert (again.kind, again.version) == ("unchanged", int(published.name))


def test_version_takes_a_delta_of_a_model_exported_today(
    serving: Path, published: Path, exported: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(exported, changed)
    # The old one's rows are the new one's; of others a delta has the rows.
    data_file = max((changed / "variables").glob("*.data-*"))
    content = bytearray(data_file.read_bytes())
    content[-1] ^= 1
    data_file.write_bytes(content)
    publishing = Publishing(mode="delta", max_delta=1.0)

    added = publish_model(changed, str(serving), publishing, Record(origin={}))

    assert added.kind == "delta"
    assert added.version > int(published.name)
    models = tmp_path / "models"
    assert update(open_store(serving), open_store(models)) == added.version
    assert files_in(models / str(added.version)) == files_in(changed)


def test_agent_beside_an_old_version_serves_the_delta(
    serving: Path, published: Path, exported: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    update(open_store(serving), open_store(models))
    assert files_in(models / published.name) == files_in(published)
    publishing = Publishing(mode="delta", max_delta=1.0)

    added = publish_model(exported, str(serving), publishing, Record(origin={}))
    update(open_store(serving), open_store(models))

    assert added.kind == "delta"
    parity = check_published_model(models, max_difference=0.0)
    assert (parity.examples, parity.largest_difference) == EXACTLY
