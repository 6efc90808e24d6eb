"""The warm-up file, read with the messages of TensorFlow Serving."""

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from components.exporter.warmup import write_warmup


def test_each_example_becomes_one_request(tmp_path: Path) -> None:
    extra = tmp_path / "assets.extra"

    write_warmup(extra, "movies", [b"first", b"second"])

    dataset = tf.data.TFRecordDataset(str(extra / "tf_serving_warmup_requests"))
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in dataset.as_numpy_iterator()
    ]
    requests = [log.predict_log.request for log in logs]
    assert [request.model_spec.name for request in requests] == ["movies"] * 2
    assert {r.model_spec.signature_name for r in requests} == {"serving_default"}
    inputs = [tf.make_ndarray(request.inputs["examples"]) for request in requests]
    assert [array.tolist() for array in inputs] == [[b"first"], [b"second"]]
