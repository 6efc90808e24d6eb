"""Asks a served model, in a process that has only TensorFlow.

Run as a file, `python -I ask.py MODEL_FOLDER ANSWERS_FILE REQUESTS SIZE...`, which
imports nothing of this project and checks so in the end: a Python function in the model
would need it. Asks for the scores of the model's parity examples and for its parity
lookups, and writes the answers, arrays named `scores` and `<request>/<feature>`. Then
it sends so many requests of each size, of the same examples. Prints one JSON line: what
the model refused, and how long each request took.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

_TRAINING_ONLY = {
    "apache_beam",
    "components",
    "configs",
    "embedding",
    "keras_rs",
    "pipeline",
    "tensorflow_transform",
    "tfx",
}
# What a kind of feature takes: the signature's names, by those of the file.
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


def main(folder: Path, answers_file: str, requests: int, sizes: list[int]) -> str:
    """Asks the SavedModel in a folder; returns the line to print."""
    parity = folder / "assets.extra" / "parity"
    dataset = tf.data.TFRecordDataset(str(parity / "examples.tfrecord"))
    examples = list(dataset.as_numpy_iterator())
    started_s = time.perf_counter()
    signatures = tf.saved_model.load(str(folder)).signatures
    loaded_s = time.perf_counter() - started_s
    for needed in ("serving_default", "lookup"):
        if needed not in signatures:
            sys.exit(f"The model has no signature `{needed}`, only {[*signatures]}.")
    score = signatures["serving_default"]
    answers = {"scores": score(examples=tf.constant(examples))["scores"].numpy()}
    looked_up, refusals = lookups(signatures["lookup"], parity)
    np.savez(answers_file, **(answers | looked_up))
    return json.dumps(
        {
            "load_seconds": loaded_s,
            "refusals": refusals,
            "request_ms": {n: times_ms(score, examples, requests, n) for n in sizes},
        }
    )


def lookups(
    lookup: Any, parity: Path
) -> tuple[dict[str, np.ndarray], list[dict[str, str] | None]]:
    """Asks every lookup.

    Args:
        lookup: the signature.
        parity: the folder of the lookups.

    Returns:
        The answers, and of each request None or the error it met.
    """
    described = json.loads((parity / "lookups.json").read_text())
    with np.load(parity / "lookups.npz") as file:
        arrays = dict(file)
    kinds = {name: one["kind"] for name, one in described["features"].items()}
    answers: dict[str, np.ndarray] = {}
    refusals: list[dict[str, str] | None] = []
    for number, request in enumerate(described["requests"]):
        inputs = {
            given.format(name): tf.constant(
                arrays[f"{number}/{name}/{key}"] if name in request else _NOTHING[key]
            )
            for name, kind in kinds.items()
            for key, given in _INPUTS[kind].items()
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
    places = np.arange(size)
    batches = [
        tf.constant([examples[i % len(examples)] for i in places + number * size])
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
    line = main(
        Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), [*map(int, sys.argv[4:])]
    )
    if imported := _TRAINING_ONLY & sys.modules.keys():
        sys.exit(f"Serving the model imported {', '.join(sorted(imported))}.")
    print(line)
