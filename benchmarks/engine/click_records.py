"""Synthetic click records of the shape of Criteo's: 13 numbers, 26 ids and a label.

Plain TFRecord files of tf.Example. Every program reads them in batches of `BATCH`,
shuffled alike. As a script it writes files: all that are named.
"""

import argparse
import multiprocessing
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.engine.click_model import (
    BATCH,
    EXAMPLES_OF_A_FILE,
    IDS,
    NUMBERS,
    ROWS,
)

SPEC = {
    "label": tf.io.FixedLenFeature([], tf.float32),
    "numbers": tf.io.FixedLenFeature([NUMBERS], tf.float32),
    **{name: tf.io.FixedLenFeature([], tf.int64) for name in IDS},
}
SHUFFLED_EXAMPLES = 100_000
_ZIPF = 1.2


def shuffled(files: list[str]) -> tf.data.Dataset:
    """Returns endless batches of serialized examples, read and shuffled in parallel."""
    return (
        tf.data.TFRecordDataset(files, num_parallel_reads=len(files))
        .shuffle(SHUFFLED_EXAMPLES)
        .repeat()
        .batch(BATCH, drop_remainder=True)
    )


def _write(number: int, path: Path) -> None:
    """Writes a file; under another name until it is complete."""
    rng = np.random.default_rng(number)
    count = EXAMPLES_OF_A_FILE
    numbers = rng.exponential(size=(count, NUMBERS)).astype(np.float32)
    ids = rng.zipf(_ZIPF, (count, len(IDS))) % ROWS
    # Something to learn: some numbers and the parity of some ids tell of the label.
    logits = numbers[:, 0] - numbers[:, 1] + (ids[:, :4] % 2).sum(axis=1) - 3
    labels = rng.random(count) < 1 / (1 + np.exp(-logits))
    unfinished = path.with_suffix(".unfinished")
    with tf.io.TFRecordWriter(str(unfinished)) as writer:
        for i in range(count):
            example = tf.train.Example()
            feature = example.features.feature
            feature["label"].float_list.value.append(float(labels[i]))
            feature["numbers"].float_list.value.extend(numbers[i])
            for name, value in zip(IDS, ids[i], strict=True):
                feature[name].int64_list.value.append(value)
            writer.write(example.SerializeToString())
    unfinished.rename(path)


def main() -> None:
    """Writes record files, two at a time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    # Processes with TensorFlow in them must not be forked.
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(_write, enumerate(parser.parse_args().files), chunksize=1)


if __name__ == "__main__":
    main()
