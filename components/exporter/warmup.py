"""Warm-up requests, which TensorFlow Serving replays before it serves a model.

What is slow the first time is slow for each size of a tensor: memory is taken, and
loops over examples are shared out among threads only if there are many. So requests
are of one example, of some, and of many.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from shardline.components.contracts.model_folder import WARMUP_FILE

EXAMPLES_IN_REQUESTS = (1, 16, 256)


def write_warmup(
    model_folder: str | Path,
    model_name: str,
    serialized: Sequence[bytes],
    requests: int,
) -> None:
    """Writes requests of one example, of 16, of 256, and so on in turn.

    Args:
        model_folder: where the file is written.
        model_name: the name requests use.
        serialized: serialized tf.Examples; used again where they are too few.
        requests: how many, at most 1,000.
    """
    path = Path(model_folder, WARMUP_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for examples in itertools.islice(_batches(serialized), requests):
            writer.write(_log(model_name, examples).SerializeToString())


def _batches(serialized: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yields the examples of one request after another, without an end."""
    examples = itertools.cycle(serialized)
    for size in itertools.cycle(EXAMPLES_IN_REQUESTS):
        yield list(itertools.islice(examples, size))


def _log(model_name: str, examples: list[bytes]) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model_name
    request.model_spec.signature_name = "serving_default"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(examples, tf.string))
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
