"""Trains as a pipeline would, for a test that kills it.

Arguments: the folder with the inputs, the number of the try, and the settings as JSON.
"""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tfx.types import standard_artifacts

from shardline.components.contracts.artifacts import HostShardedCheckpoint
from shardline.components.trainer.executor import Executor
from shardline.components.trainer.learner import Learner
from shardline.configs.schema import Conduct, FeatureSet, Model, Target, Training


class Noisy(keras.Model):
    """Has all kinds of random states: dropout, Keras's noise and TensorFlow's."""

    def __init__(self) -> None:
        super().__init__()
        self._layers_in_a_list = [keras.layers.Dense(8), keras.layers.Dropout(0.3)]
        self._logit = keras.layers.Dense(1)
        self._seeds = keras.random.SeedGenerator(5)
        self._generators = [tf.random.Generator.from_seed(6, alg="philox")]
        self._mean = tf.Variable(0.0, trainable=False)

    def call(
        self, activations: Any, numbers: Any = None, training: bool = False
    ) -> tf.Tensor:
        parts = [
            tf.reduce_sum(rows, 1) if len(rows.shape) == 3 else rows
            for _, rows in sorted(activations.items())
        ]
        hidden = tf.concat(parts, 1)
        for layer in self._layers_in_a_list:
            hidden = layer(hidden, training=training)
        if training:
            hidden += 0.1 * keras.random.normal(tf.shape(hidden), seed=self._seeds)
            hidden += 0.1 * self._generators[0].normal(tf.shape(hidden))
            self._mean.assign(0.9 * self._mean + 0.1 * tf.reduce_mean(hidden))
        return tf.squeeze(self._logit(hidden + self._mean), 1)


def artifact(kind: Any, folder: Path, splits: tuple[str, ...] = ()) -> Any:
    made = kind()
    made.uri = str(folder)
    if splits:
        made.splits = list(splits)
    return made


def slowly(train: Any) -> Any:
    """Has every call into TensorFlow take long enough to be killed in, and told."""

    def train_slowly(learner: Learner, *arguments: Any) -> Any:
        loss = train(learner, *arguments)
        print(f"call ended at step {int(learner.step)}", flush=True)
        time.sleep(0.1)
        return loss

    return train_slowly


def main(folder: Path, number: str, settings: dict[str, Any]) -> None:
    splits = ("train", "eval", "validation")
    outputs = folder / settings["outputs"] / "Trainer"
    training = Training(**settings["training"])
    Executor().Do(
        {
            "examples": [artifact(standard_artifacts.Examples, folder / "raw", splits)],
            "transformed_examples": [
                artifact(standard_artifacts.Examples, folder / "transformed", splits)
            ],
            "transform_graph": [
                artifact(standard_artifacts.TransformGraph, folder / "graph")
            ],
        },
        {
            "checkpoint": [
                artifact(HostShardedCheckpoint, outputs / "checkpoint" / number)
            ],
            "model_run": [
                artifact(standard_artifacts.ModelRun, outputs / "model_run" / number)
            ],
        },
        {
            "feature_set": FeatureSet(**settings["feature_set"]).model_dump_json(),
            "model": Model(**settings["model"]).model_dump_json(),
            "target": Target(label="label").model_dump_json(),
            "training": training.model_dump_json(exclude=set(Conduct.model_fields)),
            "conduct": training.conduct.model_dump_json(),
            "parity_examples": 20,
            "code_version": "1",
        },
    )


if __name__ == "__main__":
    Learner.train = slowly(Learner.train)
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
    print("ended well", flush=True)
