"""The training step: lookups, dense model, both updates; several steps a call."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.dense_variables import plain_variables
from components.features.engine_config import engine_config
from components.import_path import construct, load_object
from components.trainer.inputs import Batch
from components.trainer.metrics import evaluation_metrics
from configs.schema import FeatureSet, Model, Training
from embedding import TPUEmbedding, configure_logical_hosts


def new_learner(
    features: FeatureSet, rows: Mapping[str, int], model: Model, training: Training
) -> "Learner":
    """Returns a learner with fresh variables, the same for the same seed.

    Args:
        features: the feature specification.
        rows: rows of each table.
        model: the dense model.
        training: batch size, hosts, seed and learning rate.

    Raises:
        ValueError: if the model cannot be built.
        RuntimeError: if TensorFlow runs with fewer hosts already.
    """
    # First, for importing a model's module may draw random numbers.
    load_object(model.builder)
    keras.utils.set_random_seed(training.seed)
    engine = TPUEmbedding(
        engine_config(features, rows), hosts=configure_logical_hosts(training.hosts)
    )
    engine.build(training.batch_size)
    dense = construct(model.builder, model.options)
    return Learner(engine, dense, training.learning_rate)


class Learner:
    """A dense model and an embedding engine that learn together."""

    def __init__(self, engine: TPUEmbedding, model: keras.Model, learning_rate: float):
        """Makes all variables, so that a checkpoint can cover them.

        Args:
            engine: built for the batch size.
            model: maps activations by feature to float32 [batch] logits.
            learning_rate: of the dense model's Adam.
        """
        self.engine = engine
        self.model = model
        self.optimizer = keras.optimizers.Adam(learning_rate)
        model(engine.zero_activations())
        self.optimizer.build(model.trainable_variables)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)

    def checkpoint(self) -> tf.train.Checkpoint:
        """Returns everything that training changes."""
        return tf.train.Checkpoint(
            model=plain_variables(self.model),
            optimizer=plain_variables(self.optimizer),
            embedding=self.engine,
            step=self.step,
        )

    @tf.function
    def train(self, batches: Iterator[Batch], steps: tf.Tensor) -> tf.Tensor:
        """Runs some steps, each batch enqueued while the one before it is learnt.

        Args:
            batches: full batches.
            steps: int32 scalar, at least 1.

        Returns:
            float32 scalar, the mean loss.
        """
        labels = self._enqueue(next(batches))
        total = tf.constant(0.0)
        for _ in tf.range(steps - 1):
            activations = self.engine.dequeue()
            next_labels = self._enqueue(next(batches))
            total += self._learn(activations, labels)
            labels = next_labels
        total += self._learn(self.engine.dequeue(), labels)
        self.step.assign_add(tf.cast(steps, tf.int64))
        return total / tf.cast(steps, tf.float32)

    @tf.function(reduce_retracing=True)
    def scores(self, batch: Batch) -> tf.Tensor:
        """Returns the engine's predictions for a batch: float32 [batch], in (0, 1)."""
        self.engine.enqueue(batch.ids, batch.weights, training=False)
        return tf.sigmoid(self.model(self.engine.dequeue(), training=False))

    def evaluate(self, batches: tf.data.Dataset) -> dict[str, float]:
        """Returns the metrics over filled batches."""
        metrics = evaluation_metrics()
        for batch in batches:
            scores = self.scores(batch)
            for metric in metrics:
                metric.update_state(
                    batch.labels, scores, sample_weight=batch.is_example
                )
        return {metric.name: float(metric.result()) for metric in metrics}

    def predict(self, batches: tf.data.Dataset) -> np.ndarray:
        """Returns the scores of every example of filled batches: float32 [examples]."""
        scores = [
            tf.boolean_mask(self.scores(batch), batch.is_example > 0).numpy()
            for batch in batches
        ]
        return np.concatenate(scores)

    def _enqueue(self, batch: Batch) -> tf.Tensor:
        self.engine.enqueue(batch.ids, batch.weights, training=True)
        return batch.labels

    def _learn(self, activations: dict[str, Any], labels: tf.Tensor) -> tf.Tensor:
        """Updates the dense model and the tables; returns the loss."""
        variables = [variable.value for variable in self.model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(activations)
            logits = self.model(activations, training=True)
            loss = tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
            )
            objective = tf.add_n([loss, *self.model.losses])
        dense, pooled = tape.gradient(objective, [variables, activations])
        self.optimizer.apply(dense, self.model.trainable_variables)
        # Tables learn from the sum over the batch: a row occurs in few of its examples,
        # and would learn the slower the larger the batch.
        examples = float(labels.shape[0])
        self.engine.apply_gradients(
            tf.nest.map_structure(lambda gradient: gradient * examples, pooled)
        )
        return loss
