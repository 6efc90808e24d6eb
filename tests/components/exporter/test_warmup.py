"""The warm-up file, read with the messages of TensorFlow Serving."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from shardline.components.exporter.warmup import write_warmup


def requests_in(model: Path) -> list[predict_pb2.PredictRequest]:
    file = model / "assets.extra" / "tf_serving_warmup_requests"
    dataset = tf.data.TFRecordDataset(str(file))
    return [
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for record in dataset.as_numpy_iterator()
    ]


def test_requests_are_of_one_example_some_and_many_in_turn(tmp_path: Path) -> None:
    write_warmup(tmp_path, "movies", [b"first", b"second"], requests=4)

    requests = requests_in(tmp_path)
    assert [request.model_spec.name for request in requests] == ["movies"] * 4
    assert {r.model_spec.signature_name for r in requests} == {"serving_default"}
    inputs = [tf.make_ndarray(request.inputs["examples"]) for request in requests]
    assert [len(array) for array in inputs] == [1, 16, 256, 1]
    assert inputs[0].tolist() == [b"first"]
    assert inputs[1].tolist() == [b"second", b"first"] * 8


@pytest.mark.parametrize("requests", [1, 1000])
def test_there_are_as_many_requests_as_asked_for(tmp_path: Path, requests: int) -> None:
    write_warmup(tmp_path, "movies", [b"only"], requests)

    assert len(requests_in(tmp_path)) == requests


def test_without_examples_requests_are_empty_batches(tmp_path: Path) -> None:
    write_warmup(tmp_path, "movies", [], requests=2)

    inputs = [tf.make_ndarray(r.inputs["examples"]) for r in requests_in(tmp_path)]
    assert [(array.dtype, array.shape) for array in inputs] == [(object, (0,))] * 2


def test_every_request_is_answered(
    tmp_path: Path, exported: Any, examples: list[bytes]
) -> None:
    write_warmup(tmp_path, "movies", examples, requests=6)

    for request in requests_in(tmp_path):
        batch = tf.constant(tf.make_ndarray(request.inputs["examples"]))
        scores = exported.signatures["serving_default"](examples=batch)["scores"]
        assert scores.shape == batch.shape
        assert np.isfinite(scores).all()
