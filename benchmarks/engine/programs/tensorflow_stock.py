"""Stock TensorFlow: what users write with Keras, and the best we know by hand.

`keras` is `tf.nn.embedding_lookup_sparse`, a gradient tape and Keras's Adagrad.
`by hand` reduces the ids to distinct ones once, gathers and pools by them, and gives
the sum of each row's gradients to TensorFlow's own sparse Adagrad kernel. Both train
the same variables, each in one tf.function.
"""

import argparse

import keras
import numpy as np
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


def main() -> None:
    """Serves `keras` and `by hand`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", type=Workload.from_json)
    workload = parser.parse_args().workload
    tables = [
        tf.Variable(tf.fill([workload.rows, workload.dim], INITIAL_VALUE))
        for _ in range(workload.tables)
    ]
    optimizer = keras.optimizers.Adagrad(LEARNING_RATE, INITIAL_ACCUMULATOR)
    optimizer.build(tables)
    accumulators = [v.value for v in optimizer.variables if v.shape == tables[0].shape]
    example_of_id = np.repeat(np.arange(workload.batch), workload.ids_per_example)
    position = np.tile(np.arange(workload.ids_per_example), workload.batch)
    indices = tf.constant(np.stack([example_of_id, position], axis=1))
    segments = tf.constant(example_of_id, tf.int32)
    dense_shape = tf.constant([workload.batch, workload.ids_per_example], tf.int64)
    batches = [[tf.constant(ids) for ids in batch] for batch in workload.batches()]

    def forward(batch: list[tf.Tensor]) -> list[tf.Tensor]:
        return [
            tf.nn.embedding_lookup_sparse(
                table, tf.SparseTensor(indices, ids, dense_shape), None, combiner="sum"
            )
            for table, ids in zip(tables, batch, strict=True)
        ]

    @tf.function
    def keras_step(batch: list[tf.Tensor]) -> None:
        with tf.GradientTape() as tape:
            pooled = forward(batch)
        gradients = tape.gradient(
            pooled,
            tables,
            output_gradients=[tf.ones_like(p) * GRADIENT for p in pooled],
        )
        optimizer.apply(gradients, tables)

    @tf.function
    def by_hand_step(batch: list[tf.Tensor]) -> None:
        for table, accumulator, ids in zip(tables, accumulators, batch, strict=True):
            rows, row_of_id = tf.unique(ids)
            pooled = tf.raw_ops.SparseSegmentSum(
                data=tf.gather(table, rows), indices=row_of_id, segment_ids=segments
            )
            gradient = tf.raw_ops.SparseSegmentSumGrad(
                grad=tf.ones_like(pooled) * GRADIENT,
                indices=row_of_id,
                segment_ids=segments,
                output_dim0=tf.size(rows),
            )
            tf.raw_ops.ResourceSparseApplyAdagradV2(
                var=table.handle,
                accum=accumulator.handle,
                lr=LEARNING_RATE,
                epsilon=1e-7,
                grad=gradient,
                indices=rows,
            )

    serve(
        {
            "keras": lambda i: keras_step(batches[i % BATCHES]),
            "by hand": lambda i: by_hand_step(batches[i % BATCHES]),
        },
        ("tensorflow", "keras"),
        warm_up_calls=2,
    )


if __name__ == "__main__":
    main()
