"""What is learnt, asked: scores of batches, their metrics, and single lookups.

Nothing here changes a table or a variable. It is the part of a learner that evaluation,
early stop and recorded parity use.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from shardline.components.evaluation.binary import BinaryMetrics, Judged
from shardline.components.model.engine_inputs import model_arguments
from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.placement.logical import call
from shardline.components.trainer.shares import Share, undistributed
from shardline.embedding import TPUEmbedding


class Scorer:
    """A dense model and an embedding engine that score together.

    Attributes:
        engine: the tables.
        model: the dense model.
        run: calls what uses the hosts of the engine, as its placement does.
        is_on_tpu: whether the engine is a TPU's, which takes any id and adds rows up
            in an order of its own.
    """

    is_on_tpu = False

    def __init__(
        self, engine: TPUEmbedding, model: keras.Model, run: Callable[..., Any] = call
    ):
        """Takes both.

        Args:
            engine: built for the batch size.
            model: maps activations by feature, and numbers by name if there are any,
                to float32 [batch] logits.
            run: as `Placement.run`; default: calls in this thread.
        """
        self.engine = engine
        self.model = model
        self.run = run

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
