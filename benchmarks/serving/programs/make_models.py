"""Makes what requests are sent to: the model in each precision, and the rival.

    python -m benchmarks.serving.programs.make_models FOLDER

FOLDER gets `float32`, `float16`, `int8` and `keras`, each a SavedModel, and by their
names with `.npy` their scores of `examples.tfrecord`. Prints, by model, the largest
difference of a score to float32's.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.serving import workload
from benchmarks.serving.models import export, new_trainee, serialized, write_graph
from benchmarks.serving.program import say_result_of
from benchmarks.serving.rival import export_keras
from shardline.embedding import configure_logical_hosts

_EXAMPLES = 512
_ANALYSED = 2000


def main() -> dict[str, float]:
    """Makes everything; returns the differences."""
    folder = Path(sys.argv[1])
    configure_logical_hosts(workload.HOSTS)
    transform = write_graph(
        folder / "transform",
        workload.FEATURES,
        workload.TARGET,
        workload.rows(_ANALYSED),
    )
    trainee = new_trainee(workload.FEATURES, transform, workload.MODEL)
    trainee.save(folder / "checkpoint")
    examples = serialized(workload.rows(_EXAMPLES, seed=1))
    for precision in workload.PRECISIONS:
        export(
            folder / precision, folder / "checkpoint", transform, precision, examples
        )
    export_keras(
        folder / workload.RIVAL,
        workload.FEATURES,
        transform,
        trainee.tables(),
        trainee.learner.model,
    )
    with tf.io.TFRecordWriter(str(folder / "examples.tfrecord")) as writer:
        for example in examples:
            writer.write(example)
    scores = {
        name: scores_of(folder / name, examples)
        for name in (*workload.PRECISIONS, workload.RIVAL)
    }
    for name, given in scores.items():
        np.save(folder / f"{name}.npy", given)
    return {
        name: float(np.abs(given - scores["float32"]).max())
        for name, given in scores.items()
    }


def scores_of(folder: Path, examples: list[bytes]) -> np.ndarray:
    """Returns what an exported model answers: float32 [examples]."""
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return signature(examples=tf.constant(examples))["scores"].numpy()


if __name__ == "__main__":
    say_result_of(main)
