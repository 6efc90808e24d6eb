"""The training step: lookups, dense model, both updates; several steps a call."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from shardline.components.evaluation.binary import BinaryMetrics, Judged
from shardline.components.execution.import_path import construct, load_object
from shardline.components.model.dense_variables import plain_variables
from shardline.components.model.engine_config import engine_config, table_policies
from shardline.components.model.engine_inputs import model_arguments
from shardline.components.model.random_state import untracked_variables
from shardline.components.trainer.guard import StepGuard
from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.placement.logical import LogicalHosts, call
from shardline.components.trainer.placement.placement import Placement
from shardline.components.trainer.shares import Share, undistributed
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


class Learner:
    """A dense model and an embedding engine that learn together.

    The loss of a batch is the sum of weight times cross-entropy over its examples,
    divided by how many they are, and not by the sum of their weights: an example of
    weight 2 counts as much as two of weight 1, and one of weight 0 teaches nothing.
    Weights of another mean than 1 therefore change how fast SGD learns.

    Attributes:
        engine: the tables.
        model: the dense model.
        optimizer: that of the dense model.
        step: how many steps were learnt: int64 scalar.
        guard: knows of a step that was not finite.
        is_on_tpu: whether the engine is a TPU's, which takes any id and adds rows up
            in an order of its own.
        run: calls what uses the hosts of the engine, as its placement does.
    """

    is_on_tpu = False

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
        self.engine = engine
        self.model = model
        self.run = run
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

    @tf.function
    def scores(self, batch: Batch) -> tf.Tensor:
        """Returns the engine's predictions for a batch: float32 [batch], in (0, 1)."""
        self.engine.enqueue(batch.ids, batch.weights, training=False)
        return self._looked_up_scores(batch.numbers)

    def evaluate(
        self, batches: Iterable[Batch], named: str = "evaluation examples"
    ) -> Judged:
        """Returns the metrics over filled batches, examples weighted.

        Args:
            batches: what to score.
            named: what its examples are, for people.
        """
        judged: Judged = self.run(self._evaluate, batches, BinaryMetrics(named))
        return judged

    def predict(self, batches: Iterable[Batch]) -> np.ndarray:
        """Returns the scores of every example of filled batches: float32 [examples]."""
        scores: np.ndarray = self.run(self._predict, batches)
        return scores

    def lookup(self, ids: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
        """Returns the engine's answer to one batch, in a graph; changes no table.

        Args:
            ids: by feature, as `engine_inputs` gives them.
            weights: likewise.
        """
        self.engine.enqueue(ids, weights, training=False)
        return self.engine.dequeue()

    def distribute(self, read: Callable[[Share], tf.data.Dataset]) -> Iterable[Batch]:
        """Returns the batches that this learner takes; here whole ones.

        Args:
            read: returns the parts of each batch that a host is to read.
        """
        batches: Iterable[Batch] = undistributed(read)
        return batches

    def check_graph(self, function: Any, *arguments: Any) -> None:
        """Checks what is about to run; hosts refuse what is wrong as it runs.

        Args:
            function: a `tf.function`.
            arguments: what it will be called with.
        """

    def _evaluate(self, batches: Iterable[Batch], metrics: BinaryMetrics) -> Judged:
        for labels, scores, weights in self._all_judged(batches):
            metrics.add(labels, scores, weights)
        return metrics.result()

    def _predict(self, batches: Iterable[Batch]) -> np.ndarray:
        scores = [scores for _, scores, _ in self._all_judged(batches)]
        return np.concatenate([np.zeros(0, np.float32), *scores])

    def _all_judged(self, batches: Iterable[Batch]) -> Iterator[tuple[np.ndarray, ...]]:
        """Yields labels, scores and weights of each batch's real examples."""
        iterator = iter(batches)
        self.check_graph(self._judged, iterator)
        # Ends as an iterator does in TensorFlow's functions.
        with contextlib.suppress(tf.errors.OutOfRangeError):
            while True:
                yield tuple(part.numpy() for part in self._judged(iterator))

    @tf.function
    def _judged(self, batches: Iterator[Batch]) -> tuple[tf.Tensor, ...]:
        """Returns labels, scores and weights of the next batch's real examples."""
        batch = self._next(batches)
        scores = self.scores(batch)
        is_real = self._whole(batch.is_example) > 0
        parts = (self._whole(batch.labels), scores, self._whole(batch.example_weights))
        return tuple(tf.boolean_mask(part, is_real) for part in parts)

    def _next(self, batches: Iterator[Batch]) -> Batch:
        return next(batches)

    def _whole(self, values: Any) -> tf.Tensor:
        """Returns what a batch has of all its examples."""
        return values

    def _looked_up_scores(self, numbers: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the predictions for the oldest batch in the queue: in (0, 1)."""
        arguments = model_arguments(self.engine.dequeue(), numbers)
        return tf.sigmoid(self.model(*arguments, training=False))

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
