"""Warm-up requests, which TensorFlow Serving replays before it serves a model."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

_FILE = "tf_serving_warmup_requests"


def write_warmup(
    extra_folder: Path, model_name: str, serialized: Sequence[bytes]
) -> None:
    """Writes one request for each example.

    Args:
        extra_folder: the model's `assets.extra`.
        model_name: the name requests use.
        serialized: serialized tf.Examples, at most 1,000.
    """
    extra_folder.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(extra_folder / _FILE)) as writer:
        for example in serialized:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model_name
            request.model_spec.signature_name = "serving_default"
            request.inputs["examples"].CopyFrom(tf.make_tensor_proto([example]))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())
