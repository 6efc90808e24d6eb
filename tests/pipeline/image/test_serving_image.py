"""The image that serves: built, small, and it answers as TensorFlow does here."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

pytestmark = [
    pytest.mark.orchestration,
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # for the build, where other tests run beside it
]

_DEADLINE_S = 120
# Sends what it is given, and prints the answer.
_ASK = """
import sys, urllib.request
url = "http://127.0.0.1:8501/v1/models/movies:predict"
with urllib.request.urlopen(url, sys.stdin.buffer.read(), timeout=60) as reply:
    print(reply.read().decode())
"""


def examples_of(published: Path) -> list[bytes]:
    """Returns the examples of a version's first warm-up request."""
    log = prediction_log_pb2.PredictionLog()
    path = published / "assets.extra" / "tf_serving_warmup_requests"
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    log.ParseFromString(next(records))
    (examples,) = log.predict_log.request.inputs.values()
    return list(tf.make_ndarray(examples))


def test_server_that_can_write_to_tmp_only_answers_as_tensorflow_and_ends_at_sigterm(
    unpacked: Callable[[str, str], Any], finished_run: Any, tmp_path: Path
) -> None:
    image = unpacked("image-serving", "shardline-serving")
    tmp_path.chmod(0o1777)
    examples = examples_of(finished_run.published)
    model = tf.saved_model.load(str(finished_run.published))
    expected = model.signatures["serving_default"](tf.constant(examples))["scores"]
    instances = [{"b64": base64.b64encode(example).decode()} for example in examples]
    volumes = {finished_run.published.parent: "/models", tmp_path: "/tmp"}

    with image.started("--name", "movies", volumes=volumes, access="ro") as server:
        wait_until_healthy(server)
        answer = server.execute(
            "python", "-c", _ASK, given=json.dumps({"instances": instances})
        )
        pipeline = server.execute("python", "-c", "import tfx")
        status = server.terminate()

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["predictions"] == pytest.approx(
        expected.numpy().tolist(), rel=1e-6
    )
    assert "No module named 'tfx'" in pipeline.stderr
    assert status == 0


def wait_until_healthy(server: Any) -> None:
    deadline_s = time.monotonic() + _DEADLINE_S
    while server.process.poll() is None and not server.check_health():
        assert time.monotonic() < deadline_s
        time.sleep(0.5)
    assert server.process.poll() is None, server.process.stdout.read()
