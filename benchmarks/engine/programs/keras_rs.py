"""keras_rs.layers.DistributedEmbedding on CPUs and Keras's Adagrad, one tf.function."""

import argparse

import keras
import keras_rs
import tensorflow as tf

from benchmarks.engine.program import serve
from benchmarks.engine.workload import (
    BATCHES,
    GRADIENT,
    INITIAL_ACCUMULATOR,
    LEARNING_RATE,
    Workload,
)


def main() -> None:
    """Serves `step`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", type=Workload.from_json)
    workload = parser.parse_args().workload
    ids_shape = (workload.batch, workload.ids_per_example)
    layer = keras_rs.layers.DistributedEmbedding(
        {
            f"f{k}": keras_rs.layers.FeatureConfig(
                name=f"f{k}",
                table=keras_rs.layers.TableConfig(
                    name=f"t{k}",
                    vocabulary_size=workload.rows,
                    embedding_dim=workload.dim,
                    combiner="sum",
                    optimizer="adagrad",
                ),
                input_shape=ids_shape,
                output_shape=(workload.batch, workload.dim),
            )
            for k in range(workload.tables)
        }
    )
    batches = [
        {
            f"f{k}": tf.constant(ids.reshape(ids_shape), tf.int32)
            for k, ids in enumerate(batch)
        }
        for batch in workload.batches()
    ]
    layer(batches[0])
    variables = layer.trainable_variables
    optimizer = keras.optimizers.Adagrad(LEARNING_RATE, INITIAL_ACCUMULATOR)
    optimizer.build(variables)

    @tf.function
    def step(batch: dict[str, tf.Tensor]) -> None:
        with tf.GradientTape() as tape:
            pooled = list(layer(batch).values())
        gradients = tape.gradient(
            pooled,
            [variable.value for variable in variables],
            output_gradients=[tf.ones_like(p) * GRADIENT for p in pooled],
        )
        optimizer.apply(gradients, variables)

    serve(
        {"step": lambda i: step(batches[i % BATCHES])}, ("keras-rs",), warm_up_calls=2
    )


if __name__ == "__main__":
    main()
