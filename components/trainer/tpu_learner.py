"""The training step on a TPU: each core learns from an equal part of the batch.

Ids stay on the hosts, from where they are enqueued for the cores. What a core computes
is the program of one `strategy.run`. Its gradients go two ways: those of rows to the
embedding engine, which sums them over the cores and updates each row once, and those of
the dense model to Keras's optimizer, which sums them over the cores too. So a step
learns what it learns on hosts, but for the order of sums, wherever the dense model
treats each example alone. Two kinds of layers do not. Dropout draws the same units for
the parts of all cores, as Keras's seeds are mirrored: other units than on hosts. Batch
normalization is refused unless it brings the parts together.
"""

import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from shardline.components.execution.import_path import construct
from shardline.components.model.batch_statistics import check_batch_statistics
from shardline.components.model.engine_config import engine_config
from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.replica_guard import ReplicaGuard
from shardline.components.trainer.shares import Share
from shardline.components.trainer.watch import Watch
from shardline.configs.schema import FeatureSet, Model, Training
from shardline.embedding import TPUEmbedding
from shardline.embedding.hosts import task_of
from shardline.embedding.inputs.refusal import refused_unless_usable
from shardline.embedding.tpu.core_devices import has_sparse_cores
from shardline.embedding.tpu.graph_check import check_tpu_graph


def new_tpu_learner(
    feature_set: FeatureSet,
    rows: Mapping[str, int],
    model: Model,
    training: Training,
    strategy: tf.distribute.Strategy,
) -> "TPULearner":
    """Returns a learner with fresh variables on a TPU.

    Args:
        feature_set: the id features, numbers and tables.
        rows: rows of each table.
        model: the dense model.
        training: batch size and learning rate.
        strategy: a TPUStrategy over a TPU that holds no tables.

    Raises:
        ValueError: if the model cannot be built, or the cores cannot share a batch, or
            the model takes statistics of a part for those of the batch.
    """
    cores = strategy.num_replicas_in_sync
    if training.batch_size % cores:
        raise ValueError(
            f"training.batch_size is {training.batch_size}, and each of the TPU's "
            f"{cores} cores learns from an equal part of a batch. Give a multiple of "
            f"{cores}, such as {-(-training.batch_size // cores) * cores}."
        )
    with strategy.scope():
        engine = TPUEmbedding(engine_config(feature_set, rows))
    # Rows lie on hosts, and are no variables of the strategy.
    engine.build(training.batch_size // cores)
    with strategy.scope():
        dense = construct(model.builder, model.options)
    return TPULearner(
        strategy,
        engine,
        dense,
        training.learning_rate,
        feature_set.numbers,
        tables={name: f.table for name, f in feature_set.features.items()},
    )


class TPULearner(Learner):
    """A dense model on the cores of a TPU, and the TPU's embedding engine."""

    is_on_tpu = True

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        engine: TPUEmbedding,
        model: keras.Model,
        learning_rate: float,
        numbers: Collection[str] = (),
        *,
        tables: Mapping[str, str],
    ):
        """Makes all variables on the cores.

        Args:
            strategy: the TPUStrategy under which engine and model were made.
            engine: built for a core's part of the batch.
            model: maps activations by feature, and numbers by name if there are any,
                to float32 [examples] logits.
            learning_rate: the learning rate of the dense model's Adam.
            numbers: names of the numbers.
            tables: the table of each feature.

        Raises:
            ValueError: if the model takes statistics of a part for those of the batch.
        """
        self._strategy = strategy
        # Batches are full: nothing need be made up for cores that would get none.
        strategy.extended.experimental_enable_get_next_as_optional = False
        self._is_queued = not has_sparse_cores(strategy)
        # A distributed iterator does the same for one host as for many, with threads
        # for each core that can take a minute to end.
        self._reads_here = len(set(map(task_of, strategy.extended.worker_devices))) == 1
        with strategy.scope():
            super().__init__(
                engine,
                model,
                learning_rate,
                numbers,
                tables=tables,
                replicas=strategy.num_replicas_in_sync,
            )
            if self._replicas > 1:
                check_batch_statistics(model)
            self._loss = tf.Variable(
                0.0,
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )
        # Not of the cores, which need not count: one, on the host.
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._checked: weakref.WeakSet[Any] = weakref.WeakSet()

    def train(self, batches: Iterator[Batch], steps: tf.Tensor) -> tf.Tensor:
        """Runs some steps; returns their mean loss: float32 scalar.

        A step that is not finite does not end the call, whose other steps learn from
        it. None of them counts.

        Args:
            batches: full batches, a part for each core.
            steps: int32 scalar, at least 1.

        Raises:
            ValueError: if a TPU would not run the program of a step.
            tf.errors.InvalidArgumentError: if a step is not finite, which `guard` tells
                of.
        """
        self.check_graph(self._steps, batches, steps)
        loss: tf.Tensor = self._steps(batches, steps)
        first = self._replica_guard.first_step()
        if first is not None:
            self.step.assign(first)
            raise tf.errors.InvalidArgumentError(None, None, "The step is not finite.")
        return loss

    @tf.function
    def scores(self, batch: Batch) -> tf.Tensor:
        """Returns the engine's predictions for a batch: float32 [batch], in (0, 1)."""
        return self._whole(
            self._run(
                lambda part: self._looked_up_scores(part.numbers), batch, training=False
            )
        )

    def lookup(self, ids: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
        """Returns the engine's answer to one batch, in a graph; changes no table.

        Args:
            ids: by feature, of all cores' examples.
            weights: likewise.
        """
        none = tf.zeros([0])
        batch = Batch(self._cut(ids), self._cut(weights), {}, none, none, none)
        found = self._run(lambda part: self.engine.dequeue(), batch, training=False)
        return {name: self._whole(of_cores) for name, of_cores in found.items()}

    def distribute(self, read: Callable[[Share], tf.data.Dataset]) -> Iterable[Batch]:
        """Returns batches of which each host reads and checks its cores' parts.

        Args:
            read: returns the parts of each batch that a host is to read.
        """
        features = self.engine.features

        def checked(part: Batch) -> Batch:
            ids, weights = refused_unless_usable(features, part.ids, part.weights)
            return part._replace(ids=ids, weights=weights)

        def parts(share: Share) -> tf.data.Dataset:
            return read(share).map(checked, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

        def of_host(context: Any) -> tf.data.Dataset:
            count = self._replicas // context.num_input_pipelines
            first = context.input_pipeline_id * count
            return parts(Share(self._replicas, first, first + count))

        if self._reads_here:
            here: Iterable[Batch] = parts(Share(self._replicas, 0, self._replicas))
            return here
        # Ids are enqueued from where they are read.
        on_hosts = tf.distribute.InputOptions(experimental_fetch_to_device=False)
        distributed: Iterable[Batch] = self._strategy.distribute_datasets_from_function(
            of_host, on_hosts
        )
        return distributed

    def check_graph(self, function: Any, *arguments: Any) -> None:
        """Checks each graph of a function before it first runs.

        Args:
            function: a `tf.function`.
            arguments: what it will be called with.

        Raises:
            ValueError: if a TPU would not run it, or would wait forever.
        """
        if not self._is_queued:
            return
        graph = function.get_concrete_function(*arguments).graph
        if graph not in self._checked:
            check_tpu_graph(graph)
            self._checked.add(graph)

    @tf.function
    def _steps(self, batches: Iterator[Batch], steps: tf.Tensor) -> tf.Tensor:
        self._loss.assign(0.0)
        for _ in tf.range(steps):
            batch = self._next(batches)
            self._run(self._learn_part, batch, self.step.value(), training=True)
            self.step.assign_add(1)
        return self._loss.read_value() / tf.cast(steps, tf.float32)

    def _learn_part(self, part: Batch, step: tf.Tensor) -> None:
        """Learns, on one core, from its part of the batch."""
        values = self._computed(self.engine.dequeue(), part)
        self._replica_guard.note(values, step)
        self._update(values)
        self._loss.assign_add(values.loss / self._replicas)

    def _run(
        self, program: Callable[..., Any], batch: Batch, *others: Any, training: bool
    ) -> Any:
        """Hands the ids to the engine, and the rest to a program on all cores."""
        ids, weights = batch.ids, batch.weights
        rest = batch._replace(ids={}, weights={})
        if self._is_queued:
            self.engine.enqueue(ids, weights, training)
            return self._strategy.run(program, args=(rest, *others))

        def with_ids(ids: Any, weights: Any, *rest: Any) -> Any:
            self.engine.enqueue(ids, weights, training)
            return program(*rest)

        return self._strategy.run(with_ids, args=(ids, weights, rest, *others))

    def _guarded(
        self,
        tables: Mapping[str, str],
        tolerant: Collection[str],
        numbers: Collection[str],
    ) -> Watch:
        """Makes what watches over steps; arguments as of the class."""
        self._replica_guard = ReplicaGuard(
            self.model, tables, self._strategy, len(numbers)
        )
        return self._replica_guard

    def _whole(self, values: Any) -> tf.Tensor:
        """Returns what a batch has of all its examples."""
        return tf.concat(self._strategy.experimental_local_results(values), axis=0)

    def _next(self, batches: Iterator[Batch]) -> Batch:
        """Returns the next batch, a part for each core."""
        if not self._reads_here:
            return next(batches)
        batch: Batch = self._per_core([next(batches) for _ in range(self._replicas)])
        return batch

    def _cut(self, values: Mapping[str, Any]) -> Any:
        """Returns equal parts of each feature's examples, one for each core."""
        parts = {name: self._parts(value) for name, value in values.items()}
        return self._per_core(
            [
                {name: of_cores[core] for name, of_cores in parts.items()}
                for core in range(self._replicas)
            ]
        )

    def _per_core(self, values: Sequence[Any]) -> Any:
        """Returns values of all cores as `strategy.run` takes them."""
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: values[context.replica_id_in_sync_group]
        )

    def _parts(self, value: Any) -> list[Any]:
        if value is None:
            return [None] * self._replicas
        if isinstance(value, tf.SparseTensor):
            return list(tf.sparse.split(value, self._replicas, axis=0))
        if isinstance(value, tf.RaggedTensor):
            size = value.shape[0] // self._replicas
            return [
                value[first : first + size] for first in range(0, value.shape[0], size)
            ]
        return list(tf.split(value, self._replicas))
