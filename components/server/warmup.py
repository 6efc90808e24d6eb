"""Replays a version's warm-up requests, as TensorFlow Serving does before it serves."""

import itertools
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from shardline.components.contracts.model_folder import WARMUP_FILE
from shardline.components.server.model import LoadedVersion, VersionError
from shardline.components.server.protos import PredictMessages, query_of
from shardline.components.server.request_error import RequestError

# TensorFlow Serving takes no more either.
_MOST_REQUESTS = 1000


def replay_warmup(model: LoadedVersion, folder: Path, max_bytes: int) -> int:
    """Sends a model the requests that lie beside it.

    Args:
        model: loaded from the folder.
        folder: the folder of the version.
        max_bytes: that a request's tensors may take.

    Returns:
        How many there were.

    Raises:
        VersionError: if the file is damaged, or the model refuses a request.
    """
    file = folder / WARMUP_FILE
    if not file.exists():
        return 0
    codec = PredictMessages(max_bytes)
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    count = 0
    try:
        for record in itertools.islice(records, _MOST_REQUESTS):
            log = prediction_log_pb2.PredictionLog.FromString(record)
            request = log.predict_log.request
            query = query_of(request.model_spec, request)
            signature = model.signature(query.signature)
            signature.run(codec.arrays(query, signature))
            count += 1
    except (RequestError, DecodeError, tf.errors.OpError) as error:
        raise VersionError(
            f"Version {model.version} fails its warm-up request {count} in {file}: "
            f"{error}"
        ) from error
    return count
