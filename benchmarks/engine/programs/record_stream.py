"""Reads click records with tf.data and writes raw batches to standard output.

What the TorchRec program reads through a pipe. PyTorch has no parser of tf.Example, and
those to be had for it run in Python.
"""

import argparse
import sys

import tensorflow as tf

from benchmarks.engine.click_model import IDS
from benchmarks.engine.click_records import SPEC, shuffled


def main() -> None:
    """Writes batches until nobody reads them.

    Each is float32 [batch] labels, float32 [batch, 13] numbers, int64 [26, batch] ids.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, ...]:
        inputs = tf.io.parse_example(serialized, SPEC)
        ids = tf.stack([inputs[name] for name in IDS])
        return inputs["label"], inputs["numbers"], ids

    batches = shuffled(parser.parse_args().files).map(parse, tf.data.AUTOTUNE)
    try:
        for batch in batches.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
            for array in batch:
                sys.stdout.buffer.write(memoryview(array).cast("B"))
    except BrokenPipeError:
        pass


if __name__ == "__main__":
    main()
