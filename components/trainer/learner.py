"""The training step: lookups, dense model, both updates; several steps a call."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from shardline.components.execution.import_path import construct, load_object
from shardline.components.model.dense_variables import plain_variables
from shardline.components.model.engine_config import engine_config, table_policies
from shardline.components.model.engine_inputs import model_arguments
from shardline.components.model.random_state import untracked_variables
from shardline.components.trainer.guard import StepGuard
from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.placement.logical import LogicalHosts, call
from shardline.components.trainer.placement.placement import Placement
from shardline.components.trainer.scorer import Scorer
from shardline.components.trainer.watch import StepValues, Watch
from shardline.configs.schema import FeatureSet, Model, Training
from shardline.embedding import TPUEmbedding
from shardline.embedding.inputs.assertions import after


def new_learner(
    feature_set: FeatureSet,
    rows: Mapping[str, int],
    model: Model,
    training: Training,
    placement: Placement | None = None,
) -> "Learner":
    """Returns a learner with fresh variables, the same for the same seed.

    Args:
        feature_set: the id features, numbers and tables.
        rows: rows of each table.
        model: the dense model.
        training: batch size, hosts, seed and learning rate.
        placement: where it learns; None: on the hosts of this process.

    Raises:
        ValueError: if the model cannot be built, or the cores of a TPU cannot share
            a batch.
        RuntimeError: if TensorFlow runs with fewer hosts already.
    """
    placement = placement or LogicalHosts(training.hosts)
    # First, for importing a model's module may draw random numbers.
    load_object(model.builder)
    keras.utils.set_random_seed(training.seed)
    strategy = placement.strategy()
    if strategy is not None:
        # Loaded on a TPU only.
        from shardline.components.trainer.tpu_learner import new_tpu_learner

        return new_tpu_learner(feature_set, rows, model, training, strategy)
    engine = TPUEmbedding(
        engine_config(feature_set, rows),
        hosts=placement.hosts,
        policies=table_policies(feature_set),
    )
    engine.build(training.batch_size)
    dense = construct(model.builder, model.options)
    return Learner(
        engine,
        dense,
        training.learning_rate,
        feature_set.numbers,
        tables={name: f.table for name, f in feature_set.features.items()},
        tolerant=[
            name
            for name, feature in feature_set.features.items()
            if feature_set.tables[feature.table].policy != "error"
        ],
        run=placement.run,
    )


class Learner(Scorer):
    """A dense model and an embedding engine that learn together.

    The loss of a batch is the sum of weight times cross-entropy over its examples,
    divided by how many they are, and not by the sum of their weights: an example of
    weight 2 counts as much as two of weight 1, and one of weight 0 teaches nothing.
    Weights of another mean than 1 therefore change how fast SGD learns.

    Attributes:
        optimizer: that of the dense model.
        step: how many steps were learnt: int64 scalar.
        guard: knows of a step that was not finite.
    """

    def __init__(
        self,
        engine: TPUEmbedding,
        model: keras.Model,
        learning_rate: float,
        numbers: Collection[str] = (),
        *,
        tables: Mapping[str, str] | None = None,
        tolerant: Collection[str] = (),
        run: Callable[..., Any] = call,
        replicas: int = 1,
    ):
        """Makes all variables, so that a checkpoint can cover them.

        Args:
            engine: built for the batch size.
            model: maps activations by feature, and numbers by name if there are any,
                to float32 [batch] logits.
            learning_rate: the learning rate of the dense model's Adam.
            numbers: names of the numbers.
            tables: the table of each feature, for messages.
            tolerant: features of tables that leave out gradients that are not finite.
            run: as `Placement.run`; default: calls in this thread.
            replicas: how many replicas of the dense model each learn from a part of
                the batch.
        """
        super().__init__(engine, model, run)
        self._replicas = replicas
        activations = engine.zero_activations()
        part = tf.nest.flatten(activations)[0].shape[0]
        zeros = {name: tf.zeros([part]) for name in numbers}
        model(*model_arguments(activations, zeros), training=False)
        # Tables learn from the loss summed over the batch: a row occurs in few of its
        # examples, and would learn the slower the larger the batch. So the gradients
        # are those of the sum, and Adam, which learns from the mean, divides its own.
        self.optimizer = keras.optimizers.Adam(
            learning_rate, loss_scale_factor=float(part * replicas)
        )
        self.optimizer.build(model.trainable_variables)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.guard = self._guarded(tables or {}, tolerant, numbers)

    def checkpoint(self) -> tf.train.Checkpoint:
        """Returns everything that training changes."""
        return tf.train.Checkpoint(
            model=plain_variables(self.model),
            optimizer=plain_variables(self.optimizer),
            embedding=self.engine,
            step=self.step,
        )

    def set_variables(self) -> dict[str, tf.Variable]:
        """Returns, for a checkpoint set, all that training changes beside the tables.

        That is more than `checkpoint` has: what it takes to go on, random states too.
        """
        kinds = {
            "model": plain_variables(self.model),
            "untracked": untracked_variables(self.model),
            "optimizer": plain_variables(self.optimizer),
        }
        named = {
            f"{kind}/{number}": variable
            for kind, variables in kinds.items()
            for number, variable in enumerate(variables)
        }
        return {"step": self.step, **named}

    def train(self, batches: Iterator[Batch], steps: tf.Tensor) -> tf.Tensor:
        """Runs some steps, each batch enqueued while the one before it is learnt.

        Each step is counted once it is learnt, also if a later one is refused.

        Args:
            batches: full batches.
            steps: int32 scalar, at least 1.

        Returns:
            float32 scalar, the mean loss of the steps.

        Raises:
            tf.errors.InvalidArgumentError: if a step is not finite, which `guard` tells
                of, or the engine refuses a batch.
        """
        return self.run(self._train, batches, steps)

    @tf.function
    def _train(self, batches: Iterator[Batch], steps: tf.Tensor) -> tf.Tensor:
        batch = self._enqueue(next(batches))
        total = tf.constant(0.0)
        for _ in tf.range(steps - 1):
            activations = self.engine.dequeue()
            next_batch = self._enqueue(next(batches))
            total += self._learn(activations, batch)
            batch = next_batch
        total += self._learn(self.engine.dequeue(), batch)
        return total / tf.cast(steps, tf.float32)

    def _guarded(
        self,
        tables: Mapping[str, str],
        tolerant: Collection[str],
        numbers: Collection[str],
    ) -> Watch:
        """Makes what watches over steps; arguments as of the class."""
        self._step_guard = StepGuard(self.model, tables, tolerant)
        return self._step_guard

    def _enqueue(self, batch: Batch) -> Batch:
        """Hands the ids to the engine; returns the rest."""
        self.engine.enqueue(batch.ids, batch.weights, training=True)
        return batch._replace(ids={}, weights={})

    def _learn(self, activations: dict[str, Any], batch: Batch) -> tf.Tensor:
        """Updates the dense model and the tables; returns the loss."""
        values = self._computed(activations, batch)
        with after(self._step_guard.check(values)):
            self._update(values)
            self.step.assign_add(1)
        return values.loss

    def _computed(self, activations: dict[str, Any], batch: Batch) -> StepValues:
        """Returns loss and gradients of a batch, or of a replica's part of one."""
        variables = [variable.value for variable in self.model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(activations)
            arguments = model_arguments(activations, batch.numbers)
            logits = self.model(*arguments, training=True)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(batch.labels, logits)
            losses *= batch.example_weights
            loss = tf.reduce_mean(losses)
            objective = tf.add_n([loss, *self.model.losses])
            if self._replicas > 1:
                # Gradients are summed over replicas, and parts are of one size.
                objective /= self._replicas
            objective = self.optimizer.scale_loss(objective)
        dense, pooled = tape.gradient(objective, [variables, activations])
        return StepValues(batch, activations, losses, loss, dense, pooled)

    def _update(self, values: StepValues) -> None:
        """Updates dense model and tables."""
        self.optimizer.apply(values.dense, self.model.trainable_variables)
        self.engine.apply_gradients(values.pooled)
