"""Examples with the scores the engine gave them: what a served model must repeat.

The trainer writes them, beside lookups (`contracts.parity_lookups`). The exporter lets
them travel with the model, in its parity folder, so that the serving validator, and any
later check, needs nothing else.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shardline.components.contracts.model_folder import PARITY_FOLDER

EXAMPLES_FILE = "examples.tfrecord"
SCORES_FILE = "scores.npy"


def write_parity(
    folder: str | Path, serialized: Sequence[bytes], scores: np.ndarray
) -> None:
    """Writes examples and their scores.

    Args:
        folder: made if absent.
        serialized: serialized tf.Examples.
        scores: float32 [examples].
    """
    # Not for those who read only where the files are: it takes seconds.
    import tensorflow as tf

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / EXAMPLES_FILE)) as writer:
        for example in serialized:
            writer.write(example)
    np.save(folder / SCORES_FILE, scores)


def parity_folder(checkpoint_folder: str) -> Path:
    """Returns where a checkpoint keeps its parity examples."""
    return Path(checkpoint_folder, "parity")


def model_parity(model_folder: str | Path) -> Path:
    """Returns where a model keeps what it must repeat."""
    return Path(model_folder, PARITY_FOLDER)
