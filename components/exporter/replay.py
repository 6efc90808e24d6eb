"""Answers a model's parity examples in a process that has only TensorFlow.

Run as a file, `python replay.py MODEL_FOLDER`, which imports nothing of this project
and checks so in the end: a Python function in the model would need it. Prints one JSON
line: how many examples, the largest difference to the engine's scores, and the example
that has it.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

_TRAINING_ONLY = {
    "components",
    "embedding",
    "keras_rs",
    "tensorflow_transform",
    "tfx",
}


def replay(folder: Path) -> dict[str, float]:
    """Returns the outcome for the SavedModel in a folder."""
    parity = folder / "assets.extra" / "parity"
    dataset = tf.data.TFRecordDataset(str(parity / "examples.tfrecord"))
    examples = tf.constant(list(dataset.as_numpy_iterator()))
    expected = np.load(parity / "scores.npy")
    model = tf.saved_model.load(str(folder))
    scores = model.signatures["serving_default"](examples=examples)["scores"].numpy()
    difference = np.abs(scores - expected)
    return {
        "examples": len(expected),
        "max_difference": float(difference.max()),
        "worst_example": int(difference.argmax()),
    }


if __name__ == "__main__":
    outcome = replay(Path(sys.argv[1]))
    if imported := _TRAINING_ONLY & sys.modules.keys():
        sys.exit(f"Serving the model imported {', '.join(sorted(imported))}.")
    print(json.dumps(outcome))
