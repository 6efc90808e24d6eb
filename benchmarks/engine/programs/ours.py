"""Shardline by its public API: enqueue, dequeue, apply_gradients in one tf.function."""

import argparse
from typing import Any

import tensorflow as tf

from benchmarks.engine.program import serve
from benchmarks.engine.workload import (
    BATCHES,
    GRADIENT,
    INITIAL_ACCUMULATOR,
    INITIAL_VALUE,
    LEARNING_RATE,
    Workload,
)
from shardline import embedding

_tpu = tf.tpu.experimental.embedding
Inputs = list[tf.Tensor]


def new_engine(workload: Workload, hosts: int) -> embedding.TPUEmbedding:
    """Returns an engine with a table and a feature for each of the workload's."""
    devices = embedding.configure_logical_hosts(hosts)
    features = {
        f"f{k:02}": _tpu.FeatureConfig(
            table=_tpu.TableConfig(
                vocabulary_size=workload.rows,
                dim=workload.dim,
                initializer=tf.initializers.Constant(INITIAL_VALUE),
                combiner="sum",
                name=f"t{k:02}",
            )
        )
        for k in range(workload.tables)
    }
    optimizer = _tpu.Adagrad(LEARNING_RATE, INITIAL_ACCUMULATOR)
    engine = embedding.TPUEmbedding(features, optimizer, hosts=devices)
    engine.build(workload.batch)
    return engine


def inputs(workload: Workload) -> list[Inputs]:
    """Returns the ids of each step: int64 [ids of a table] for each table."""
    return [[tf.constant(ids) for ids in batch] for batch in workload.batches()]


def features(ids: Inputs, splits: tf.Tensor) -> dict[str, tf.RaggedTensor]:
    """Returns a batch as the engine takes it.

    In a step, for a function that is called with so many ragged tensors spends
    milliseconds on their types.
    """
    return {
        f"f{k:02}": tf.RaggedTensor.from_row_splits(own, splits, validate=False)
        for k, own in enumerate(ids)
    }


def train_step(engine: embedding.TPUEmbedding, workload: Workload) -> Any:
    """Returns a function that trains on one batch."""
    splits = tf.constant(workload.row_splits())

    @tf.function
    def step(batch: Inputs) -> None:
        engine.enqueue(features(batch, splits), training=True)
        activations = engine.dequeue()
        engine.apply_gradients(
            tf.nest.map_structure(lambda a: tf.fill(a.shape, GRADIENT), activations)
        )

    return step


def main() -> None:
    """Serves `step` and `forward`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", type=Workload.from_json)
    parser.add_argument("--hosts", type=int, default=1)
    arguments = parser.parse_args()
    engine = new_engine(arguments.workload, arguments.hosts)
    batches = inputs(arguments.workload)
    step = train_step(engine, arguments.workload)
    splits = tf.constant(arguments.workload.row_splits())

    @tf.function
    def forward(batch: Inputs) -> Any:
        engine.enqueue(features(batch, splits), training=False)
        return engine.dequeue()

    serve(
        {
            "step": lambda i: step(batches[i % BATCHES]),
            "forward": lambda i: forward(batches[i % BATCHES]),
        },
        ("tensorflow",),
    )


if __name__ == "__main__":
    main()
