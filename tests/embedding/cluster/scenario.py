"""What is trained in these tests, the same in the chief and in pytest's process.

Two tables: one over all hosts, one with fewer rows than hosts. Three features: ragged
and weighted, a sequence of the same table, and dense ids.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from shardline import embedding

BATCH = 4
LENGTH = 3
USERS = 2

tpu = tf.tpu.experimental.embedding

OPTIMIZERS = {
    "SGD": lambda: tpu.SGD(0.1),
    "Adagrad": lambda: tpu.Adagrad(0.1),
    "Adam": lambda: tpu.Adam(0.1),
    "by occurrence": lambda: tpu.Adagrad(0.1, use_gradient_accumulation=False),
}


class Training:
    """An engine over some hosts with the step that trains it."""

    def __init__(
        self,
        hosts: Sequence[str],
        optimizer: str,
        *,
        items: int = 101,
        dim: int = 8,
        pipelined: bool = False,
    ):
        item = table("items", items, dim, "mean")
        user = table("users", USERS, dim, "sum")
        config = {
            "clicks": tpu.FeatureConfig(table=item),
            "history": tpu.FeatureConfig(table=item, max_sequence_length=LENGTH),
            "user": tpu.FeatureConfig(table=user),
        }
        self.engine = embedding.TPUEmbedding(
            config, OPTIMIZERS[optimizer](), pipelined, hosts=hosts
        )
        self.engine.build(BATCH)
        self.checkpoint = tf.train.Checkpoint(embedding=self.engine)
        self.enqueue = tf.function(self.engine.enqueue)
        self.train_on_next = tf.function(self._train_on_next)
        self.step = tf.function(self._step)

    def fill(self) -> None:
        """Starts all tables with values that do not depend on the hosts."""
        for config, sharded in self.engine.embedding_tables.items():
            rows = np.random.default_rng(config.vocabulary_size).normal(
                size=(config.vocabulary_size, config.dim)
            )
            starts = np.cumsum([part.shape[0] for part in sharded.variables])[:-1]
            for part, values in zip(
                sharded.variables, np.split(rows, starts), strict=True
            ):
                part.assign(values.astype(np.float32))

    def state(self) -> dict[str, np.ndarray]:
        """Returns every whole table and slot by name."""
        return state(self.engine)

    def devices(self) -> dict[str, list[str]]:
        """Returns the device of each part of each table and slot."""
        return {
            name: [part.device for part in sharded.variables]
            for name, sharded in _variables(self.engine).items()
        }

    def _step(self, ids: Any, weights: Any) -> Any:
        self.engine.enqueue(ids, weights)
        return self._train_on_next()

    def _train_on_next(self) -> Any:
        activations = self.engine.dequeue()
        with tf.GradientTape() as tape:
            tape.watch(activations)
            losses = [
                tf.reduce_sum(tf.sin(values)) for values in tf.nest.flatten(activations)
            ]
            loss = tf.add_n(losses)
        self.engine.apply_gradients(tape.gradient(loss, activations))
        return activations


def state(engine: embedding.TPUEmbedding) -> dict[str, np.ndarray]:
    """Returns every whole table and slot of an engine by name."""
    return {
        name: np.concatenate([part.numpy() for part in sharded.variables])
        for name, sharded in _variables(engine).items()
    }


def _variables(engine: embedding.TPUEmbedding) -> dict[str, Any]:
    found = {}
    for config, sharded in engine.embedding_tables.items():
        found[config.name] = sharded
        for slot, variable in engine.slot_variables[config].items():
            found[f"{config.name}/{slot}"] = variable
    return found


def table(name: str, rows: int, dim: int, combiner: str) -> Any:
    """Returns a table of zeros; `fill` gives it values."""
    return tpu.TableConfig(
        vocabulary_size=rows,
        dim=dim,
        combiner=combiner,
        name=name,
        initializer=tf.zeros_initializer(),
    )


def batches(count: int, seed: int = 5) -> list[dict[str, list]]:
    """Draws batches as plain lists, with an example without ids and duplicate ids."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(count):
        lengths = [int(length) for length in rng.permutation([0, 1, 4, 7])]
        drawn.append(
            {
                "clicks": [rng.integers(0, 101, n).tolist() for n in lengths],
                "weights": [rng.uniform(0.5, 2, n).tolist() for n in lengths],
                "history": [rng.integers(90, 101, n).tolist() for n in lengths[::-1]],
                "user": rng.integers(0, USERS, BATCH).tolist(),
            }
        )
    return drawn


def inputs(batch: dict[str, list]) -> tuple[dict, dict]:
    """Returns ids and weights as `enqueue` takes them."""
    ids = {
        "clicks": tf.ragged.constant(batch["clicks"], tf.int64, ragged_rank=1),
        "history": tf.ragged.constant(batch["history"], tf.int64, ragged_rank=1),
        "user": tf.constant(batch["user"], tf.int64),
    }
    weights = tf.ragged.constant(batch["weights"], tf.float32, ragged_rank=1)
    return ids, {"clicks": weights, "history": None, "user": None}


def train(
    training: Training,
    drawn: Sequence[dict[str, list]],
    run: Callable[..., Any] = lambda step, *arguments: step(*arguments),
) -> list[dict[str, np.ndarray]]:
    """Trains on the batches; returns the activations of each."""
    return [numpy(run(training.step, *inputs(batch))) for batch in drawn]


def numpy(activations: Any) -> Any:
    """Returns the same nest of arrays."""
    return tf.nest.map_structure(lambda values: values.numpy(), activations)
