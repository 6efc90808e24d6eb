"""Shardline's native kernels without the engine: no structures, queues or assertions.

The tables of an engine, the same ids and gradients as in `ours`; its kernels are called
one after the other: partition, lookup, check of the gradients, update.
"""

import argparse
from typing import Any

import tensorflow as tf

from benchmarks.engine.program import serve
from benchmarks.engine.programs.ours import Inputs, features, inputs, new_engine
from benchmarks.engine.workload import BATCHES, GRADIENT, LEARNING_RATE, Workload
from shardline.embedding.host.native_kernels import NativeKernels


def main() -> None:
    """Serves `step` and `forward`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", type=Workload.from_json)
    workload = parser.parse_args().workload
    engine = new_engine(workload, hosts=1)
    # What the engine keeps to itself is measured here.
    kernels, tables = engine._backend._kernels, engine._tables
    assert isinstance(kernels, NativeKernels), "There are no native kernels."
    unweighted = [None] * workload.tables
    batches = inputs(workload)
    splits = tf.constant(workload.row_splits())

    def partition(batch: Inputs) -> Any:
        return kernels.partition(list(features(batch, splits).values()), unweighted)

    @tf.function
    def forward(batch: Inputs) -> Any:
        return kernels.lookup(tables, partition(batch))

    @tf.function
    def step(batch: Inputs) -> None:
        parts = partition(batch)
        activations = kernels.lookup(tables, parts)
        gradients = [tf.fill(a.shape, GRADIENT) for a in activations]
        checks = kernels.finite_checks([gradients])
        with tf.control_dependencies([*checks, *activations]):
            rates = [tf.constant(LEARNING_RATE)] * workload.tables
        kernels.update(tables, [parts], [gradients], rates)

    serve(
        {
            "step": lambda i: step(batches[i % BATCHES]),
            "forward": lambda i: forward(batches[i % BATCHES]),
        }
    )


if __name__ == "__main__":
    main()
