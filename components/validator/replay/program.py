"""Asks a model what training asked the engine, in a process that has only TensorFlow.

Run as a file, `python -I program.py`, which imports nothing of this project and checks
so in the end: a Python function in the model would need it. Reads a request, one JSON
object, from its input:

    model     folder of the SavedModel
    examples  TFRecord file of the parity examples
    lookups   JSON file of the parity lookups, see `contracts.parity_lookups`
    arrays    their arrays
    answers   the file to write: arrays named `scores` and `<request>/<feature>`
    requests  how many requests to time, of each size
    sizes     examples in such a request

Prints one JSON line: how long the model took to load, what it refused, and how long
each request took in milliseconds, by size.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

_TRAINING_ONLY = {
    "apache_beam",
    "keras_rs",
    "shardline",
    "tensorflow_transform",
    "tfx",
}
# By kind of feature: patterns of the signature's inputs, by the file's arrays.
_INPUTS = {
    "single": {"values": "{}"},
    "pooled": {"values": "{}_values", "row_splits": "{}_row_splits"},
}
_INPUTS["sequence"] = _INPUTS["pooled"]
_INPUTS["weighted"] = _INPUTS["pooled"] | {"weights": "{}_weights"}
_NOTHING = {
    "values": np.zeros(0, np.int64),
    "row_splits": np.zeros(1, np.int64),
    "weights": np.zeros(0, np.float32),
}
_WARMUP_REQUESTS = 5
_LONGEST_S = 5.0
_DIFFERENT_REQUESTS = 50


def main(request: Mapping[str, Any]) -> str:
    """Does what a request asks for; returns the line to print.

    Args:
        request: as read from the input.
    """
    dataset = tf.data.TFRecordDataset(request["examples"])
    examples = list(dataset.as_numpy_iterator())
    started_s = time.perf_counter()
    signatures = tf.saved_model.load(request["model"]).signatures
    load_s = time.perf_counter() - started_s
    for needed in ("serving_default", "lookup"):
        if needed not in signatures:
            sys.exit(f"The model has no signature `{needed}`, only {[*signatures]}.")
    score = signatures["serving_default"]
    answers = {"scores": score(examples=tf.constant(examples))["scores"].numpy()}
    activations, refusals = look_up(
        signatures["lookup"], request["lookups"], request["arrays"]
    )
    np.savez(request["answers"], **(answers | activations))
    return json.dumps(
        {
            "load_seconds": load_s,
            "refusals": refusals,
            "request_ms": {
                size: times_ms(score, examples, request["requests"], size)
                for size in request["sizes"]
            },
        }
    )


def look_up(
    lookup: Any, lookups_file: str, arrays_file: str
) -> tuple[dict[str, np.ndarray], list[dict[str, str] | None]]:
    """Asks every lookup.

    Args:
        lookup: the signature.
        lookups_file: the lookups.
        arrays_file: their arrays.

    Returns:
        The answers, and of each request None or the error it met.
    """
    described = json.loads(Path(lookups_file).read_text())
    with np.load(arrays_file) as file:
        arrays = dict(file)
    kinds = {name: feature["kind"] for name, feature in described["features"].items()}
    answers: dict[str, np.ndarray] = {}
    refusals: list[dict[str, str] | None] = []
    for number, request in enumerate(described["requests"]):
        inputs = {
            pattern.format(name): tf.constant(
                arrays[f"{number}/{name}/{key}"] if name in request else _NOTHING[key]
            )
            for name, kind in kinds.items()
            for key, pattern in _INPUTS[kind].items()
        }
        try:
            answer = lookup(**inputs)
        except tf.errors.OpError as error:
            message = error.message[:1000]
            refusals.append({"error": type(error).__name__, "message": message})
            continue
        refusals.append(None)
        answers |= {f"{number}/{name}": answer[name].numpy() for name in request}
    return answers, refusals


def times_ms(
    score: Any, examples: list[bytes], requests: int, size: int
) -> list[float]:
    """Returns how long requests of so many examples took; fewer if they are slow."""
    positions = np.arange(size)
    batches = [
        tf.constant([examples[i % len(examples)] for i in positions + number * size])
        for number in range(min(requests, _DIFFERENT_REQUESTS))
    ]
    for number in range(_WARMUP_REQUESTS):
        score(examples=batches[number % len(batches)])
    times: list[float] = []
    while len(times) < requests and sum(times) < 1000 * _LONGEST_S:
        started_s = time.perf_counter()
        score(examples=batches[len(times) % len(batches)])["scores"].numpy()
        times.append(1000 * (time.perf_counter() - started_s))
    return times


if __name__ == "__main__":
    line = main(json.load(sys.stdin))
    if imported := _TRAINING_ONLY & sys.modules.keys():
        sys.exit(f"Serving the model imported {', '.join(sorted(imported))}.")
    print(line)
