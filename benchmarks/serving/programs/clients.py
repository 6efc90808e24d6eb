"""Asks one model through every kind of client, and compares their scores bit by bit.

    python -m benchmarks.serving.programs.clients PORT REST_PORT MODEL EXAMPLES FOLDER

A server serves MODEL. Requests of one example and of all of the record file EXAMPLES go
to it over gRPC and REST, to a C program in FOLDER (made if it is not there) and to
`tf.saved_model.load` here. Prints the largest difference of each to the last, and of
how many records of the warm-up file the model answers how many.
"""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from benchmarks.serving.callers import Caller, GrpcCaller, RestCaller
from benchmarks.serving.program import say_result_of
from shardline.components.contracts.model_folder import WARMUP_FILE

_BUILD = Path(__file__).parents[3] / "tests/clients/build.py"


def main() -> dict[str, Any]:
    """Returns what was found."""
    grpc_port, rest_port = map(int, sys.argv[1:3])
    model, records, folder = map(Path, sys.argv[3:])
    examples = _records(records)
    signatures = tf.saved_model.load(str(model)).signatures
    callers: list[Caller] = [GrpcCaller(grpc_port), RestCaller(rest_port)]
    largest: dict[str, float] = {}
    for request in (examples[:1], examples):
        answer = signatures["serving_default"](examples=tf.constant(request))
        expected = answer["scores"].numpy()
        given = {
            caller.protocol: caller.scores(caller.send(caller.body(request)))[0]
            for caller in callers
        }
        given["C"] = _scores_of_c_client(model, request, folder)
        for client, scores in given.items():
            difference = float(np.abs(scores - expected).max())
            largest[client] = max(largest.get(client, 0.0), difference)
    logs = _records(model / WARMUP_FILE)
    answered = sum(_is_answered(signatures, log) for log in logs)
    return {"largest": largest, "warm_up": len(logs), "answered": answered}


def _records(path: Path) -> list[bytes]:
    return list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())


def _scores_of_c_client(model: Path, examples: list[bytes], folder: Path) -> np.ndarray:
    client = folder / "score_client"
    if not client.exists():
        client = runpy.run_path(str(_BUILD))["build_score_client"](folder)
    request = folder / "request.tfrecord"
    with tf.io.TFRecordWriter(str(request)) as writer:
        for example in examples:
            writer.write(example)
    said = subprocess.run([client, model, request], check=True, stdout=subprocess.PIPE)
    return np.array(said.stdout.split(), np.float32)


def _is_answered(signatures: Any, log: bytes) -> bool:
    request = prediction_log_pb2.PredictionLog.FromString(log).predict_log.request
    inputs = {name: tf.make_ndarray(t) for name, t in request.inputs.items()}
    signature = signatures[request.model_spec.signature_name]
    answer = signature(**{name: tf.constant(value) for name, value in inputs.items()})
    return bool(np.isfinite(answer["scores"]).all())


if __name__ == "__main__":
    say_result_of(main)
