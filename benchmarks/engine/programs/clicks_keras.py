"""The click model as a Keras user writes it: Embedding layers, compile, fit.

Adagrad for the tables and Adam for the rest. The input pipeline reads files in
parallel, parses whole batches and reads ahead. `jit_compile` is off: with it a step
took as long, and the set-up two minutes more.
"""

import argparse
import threading
from typing import Any

import keras
import keras_rs
import tensorflow as tf

from benchmarks.engine import click_model, click_records
from benchmarks.engine.program import serve


def new_model() -> keras.Model:
    """Returns the compiled model."""
    numbers = keras.Input([click_model.NUMBERS], name="numbers")
    ids = {
        name: keras.Input([], dtype="int64", name=name, batch_size=click_model.BATCH)
        for name in click_model.IDS
    }
    tables = [
        keras.layers.Embedding(click_model.ROWS, click_model.DIM, name=f"table_{name}")
        for name in click_model.IDS
    ]
    vectors = [
        table(ids[name]) for table, name in zip(tables, click_model.IDS, strict=True)
    ]
    bottom = numbers
    for units in click_model.BOTTOM_UNITS:
        bottom = keras.layers.Dense(units, "relu")(bottom)
    products = keras_rs.layers.DotInteraction()([bottom, *vectors])
    top = keras.layers.Concatenate()([bottom, products])
    for units in click_model.TOP_UNITS:
        top = keras.layers.Dense(units, "relu")(top)
    model = keras.Model([numbers, *ids.values()], keras.layers.Dense(1)(top))
    model.compile(
        keras.optimizers.MultiOptimizer(
            keras.optimizers.OptimizerMap(
                keras.optimizers.Adam(click_model.DENSE_LEARNING_RATE),
                {"table_.*": keras.optimizers.Adagrad(click_model.TABLE_LEARNING_RATE)},
            )
        ),
        keras.losses.BinaryCrossentropy(from_logits=True),
        steps_per_execution=click_model.STEPS_OF_A_CALL,
        jit_compile=False,
    )
    return model


class FitOnDemand(keras.callbacks.Callback):
    """Lets `fit` run one epoch whenever it is asked to."""

    def __init__(self) -> None:
        """Starts with nothing asked for."""
        super().__init__()
        self._asked = threading.Semaphore(0)
        self._done = threading.Semaphore(0)

    def run_epoch(self, _: int) -> None:
        """Runs one epoch, from another thread than that of `fit`."""
        self._asked.release()
        self._done.acquire()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Waits until asked."""
        self._asked.acquire()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tells that the epoch has ended."""
        print("loss", logs["loss"])
        self._done.release()


def main() -> None:
    """Serves `train`, which takes `click_model.STEPS_OF_A_CALL` steps a call."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()

    def parse(serialized: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        inputs = tf.io.parse_example(serialized, click_records.SPEC)
        label = inputs.pop("label")
        return inputs, label

    batches = click_records.shuffled(arguments.files).map(parse, tf.data.AUTOTUNE)
    model, on_demand = new_model(), FitOnDemand()
    arguments_of_serve = {"train": on_demand.run_epoch}, ("tensorflow", "keras"), 1
    # Not fit: if it fails, the program shall end.
    threading.Thread(target=serve, args=arguments_of_serve, daemon=True).start()
    model.fit(
        batches.prefetch(tf.data.AUTOTUNE),
        epochs=1_000_000,
        steps_per_epoch=click_model.STEPS_OF_A_CALL,
        callbacks=[on_demand],
        verbose=0,
    )


if __name__ == "__main__":
    main()
