"""Warm-up requests of a version, replayed before it is served."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from shardline.components.server.model import LoadedVersion, VersionError
from shardline.components.server.warmup import replay_warmup


@pytest.fixture
def version(make_model: Callable[..., Path]) -> Iterator[LoadedVersion]:
    """A model in memory."""
    model = LoadedVersion(make_model(), 7)
    yield model
    model.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes records into a version's warm-up file; returns the version's folder."""

    def write_records(*records: bytes) -> Path:
        folder = tmp_path / "assets.extra"
        folder.mkdir()
        with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as writer:
            for record in records:
                writer.write(record)
        return tmp_path

    return write_records


def logged(signature: str, **inputs: np.ndarray) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature
    for name, values in inputs.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return log.SerializeToString()


def test_version_without_requests_is_warm(
    version: LoadedVersion, tmp_path: Path
) -> None:
    assert replay_warmup(version, tmp_path, 1 << 20) == 0


def test_requests_are_counted(
    version: LoadedVersion, write: Callable[..., Path]
) -> None:
    request = logged("echo", text=np.array([b"a"]))

    assert replay_warmup(version, write(request, request), 1 << 20) == 2


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (b"\xff\xff no request", "Error parsing message"),
        (logged("other"), "key 'other' not found"),
        (logged("echo"), r"Missing but required: \['text'\]"),
        (logged("echo", text=np.array([b"a"] * 20)), "more than the 64 of a request"),
    ],
    ids=["record", "signature", "input", "large"],
)
def test_request_that_fails_is_an_error_of_the_version(
    version: LoadedVersion, write: Callable[..., Path], record: bytes, fault: str
) -> None:
    folder = write(logged("echo", text=np.array([b"a"])), record)

    with pytest.raises(VersionError, match=f"Version 7 fails its .* 1 in .*{fault}"):
        replay_warmup(version, folder, 64)
