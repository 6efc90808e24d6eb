"""Answers requests with an exported model, in a process that has only TensorFlow.

Serves `1 example` and `256 examples`: a call is one request to `serving_default`, as
`tf.saved_model.load` gives it, until the scores are there.
"""

import itertools
import sys

import tensorflow as tf

from benchmarks.engine.program import Measured, serve
from benchmarks.serving.requests import SIZES, name_of

_TRAINING_ONLY = {"shardline", "tensorflow_transform", "tfx"}
_WARM_UP_CALLS = 20


def main() -> None:
    """Serves the model in a folder, asked with the examples of a record file."""
    folder, records = sys.argv[1:]
    examples = list(tf.data.TFRecordDataset(records).as_numpy_iterator())
    signature = tf.saved_model.load(folder).signatures["serving_default"]

    def asking_for(size: int) -> Measured:
        batches = itertools.cycle(
            tf.constant(batch) for batch in zip(*[iter(examples)] * size, strict=False)
        )
        return lambda _: signature(examples=next(batches))["scores"].numpy()

    measured = {name_of(size): asking_for(size) for size in SIZES}
    if imported := _TRAINING_ONLY & sys.modules.keys():
        sys.exit(f"Serving the model imported {', '.join(sorted(imported))}.")
    serve(measured, ("tensorflow",), _WARM_UP_CALLS)


if __name__ == "__main__":
    main()
