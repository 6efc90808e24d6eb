"""Two tables and one batch of four examples, split over two replicas.

"bought" and "seen" share the table items; "groups" has one of its own. Examples with
no id, with one and with several, repeated ids, and rows that only one replica or both
look up are all in the batch. The loss is half the sum of all squared activations, so
the gradient of an activation is the activation.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from shardline_tests import load

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding
cases = load(Path(__file__).parents[1] / "cases.py")

BATCH = 2  # examples of each replica
GLOBAL_BATCH = 4
LENGTH = 2  # of sequences

SHAPES = {"items": (6, 2), "groups": (9, 3)}
COMBINERS = {"items": "sum", "groups": "mean"}
TABLE_OF = {"bought": "items", "groups": "groups", "seen": "items"}
IDS = {
    "bought": [[3, 0], [5], [1], []],
    "groups": [[8], [0, 1, 2], [7, 7], [4]],
    "seen": [[0], [1, 4], [], [2, 2, 5]],
}
KINDS = ("dense", "sparse", "ragged")


def initial(table: str) -> np.ndarray:
    """Returns the values a table starts with: float32 [rows, dim]."""
    rng = np.random.default_rng(len(table))
    return rng.normal(size=SHAPES[table]).astype(np.float32)


def feature_config(length: int = 0, **options: Any) -> dict[str, Any]:
    """Returns the three features.

    Args:
        length: max_sequence_length of all of them.
        **options: of both TableConfigs.
    """
    tables = {
        name: tpu.TableConfig(
            *shape,
            initializer=lambda shape, dtype=None, name=name: tf.constant(initial(name)),
            combiner=COMBINERS[name],
            name=name,
            **options,
        )
        for name, shape in SHAPES.items()
    }
    return {
        feature: tpu.FeatureConfig(tables[table], max_sequence_length=length)
        for feature, table in TABLE_OF.items()
    }


def engine(
    strategy: tf.distribute.Strategy | None,
    optimizer: Any,
    host_count: int = 3,
    length: int = 0,
    batch_size: Any = BATCH,
) -> TPUEmbedding:
    """Returns an engine made under a strategy, built unless batch_size is None."""
    strategy = strategy or tf.distribute.get_strategy()
    hosts = cases.hosts(host_count)
    with strategy.scope():
        made = TPUEmbedding(feature_config(length), optimizer, hosts=hosts)
        if batch_size is not None:
            made.build(batch_size)
    return made


def ids(kind: str, examples: slice = slice(None)) -> dict[str, list[list[int]]]:
    """Returns each feature's ids; dense examples have exactly one, 0 for none."""
    rows = {name: given[examples] for name, given in IDS.items()}
    if kind != "dense":
        return rows
    return {name: [(row or [0])[:1] for row in given] for name, given in rows.items()}


def tensor(kind: str, rows: Sequence[Sequence[float]], dtype: Any = tf.int64) -> Any:
    """Returns examples as one dense, sparse or ragged tensor."""
    # A width of its own: engines with different batches must not see a new shape.
    return cases.tensor(kind, rows, dtype, width=3)


def inputs(kind: str, examples: slice = slice(None)) -> dict[str, Any]:
    """Returns what `enqueue` takes for these examples."""
    return {name: tensor(kind, rows) for name, rows in ids(kind, examples).items()}


def examples_of(replica: int) -> slice:
    """Returns which examples of the global batch a replica gets."""
    return slice(replica * BATCH, (replica + 1) * BATCH)


def distributed(strategy: tf.distribute.Strategy, make: Callable[[slice], Any]) -> Any:
    """Returns per-replica values of what `make` gives for each replica's examples."""
    return strategy.experimental_distribute_values_from_function(
        lambda context: make(examples_of(context.replica_id_in_sync_group))
    )


def train(engine: TPUEmbedding, name: str | None = None) -> Any:
    """Does one replica's part of a step whose batch is queued already."""
    with tf.GradientTape() as tape:
        activations = engine.dequeue(name=name)
        tape.watch(activations)
        loss = tf.add_n(
            [tf.reduce_sum(value**2) / 2 for value in tf.nest.flatten(activations)]
        )
    engine.apply_gradients(tape.gradient(loss, activations), name=name)
    return activations


def training_step(strategy: tf.distribute.Strategy, engine: TPUEmbedding) -> Any:
    """Returns a compiled step that takes what `distributed` gives."""

    @tf.function
    def step(batch: Any) -> Any:
        engine.enqueue(batch, training=True)
        return strategy.run(lambda: train(engine))

    return step


def look_up_step(strategy: tf.distribute.Strategy, engine: TPUEmbedding) -> Any:
    """Returns a compiled lookup that takes what `distributed` gives."""

    @tf.function
    def look_up(batch: Any) -> Any:
        engine.enqueue(batch, training=False)
        return strategy.run(engine.dequeue)

    return look_up


def gathered(strategy: tf.distribute.Strategy, nest: Any) -> dict[str, np.ndarray]:
    """Returns each feature's activations of all replicas in their order."""
    return {
        name: np.concatenate(strategy.experimental_local_results(value))
        for name, value in nest.items()
    }


def lookups(oracle: Any, kind: str = "sparse", length: int = 0) -> dict[str, Any]:
    """Returns the reference's lookup of each feature over the global batch."""
    return {
        name: oracle.Lookup(rows, COMBINERS[TABLE_OF[name]], max_sequence_length=length)
        for name, rows in ids(kind).items()
    }


def expected_activations(
    oracle: Any, kind: str = "sparse", length: int = 0
) -> dict[str, np.ndarray]:
    """Returns the reference's activations of the global batch."""
    return {
        name: lookup.activations(initial(TABLE_OF[name]))
        for name, lookup in lookups(oracle, kind, length).items()
    }


def expected_state(
    oracle: Any, optimizer: Any, kind: str = "sparse", length: int = 0, steps: int = 1
) -> dict[str, dict[str, np.ndarray]]:
    """Returns what `cases.state` is after steps of `train` on the global batch."""
    result = {}
    for name in SHAPES:
        table = oracle.Table(initial(name), optimizer)
        used = [
            lookup
            for feature, lookup in lookups(oracle, kind, length).items()
            if TABLE_OF[feature] == name
        ]
        for _ in range(steps):
            table.step([(lookup, lookup.activations(table.values)) for lookup in used])
        result[name] = {"parameters": table.values, **table.slots}
    return result


def assert_close(got: Any, expected: Any, tolerance: float = 1e-5) -> None:
    """Compares two nests of arrays of one structure."""
    tf.nest.assert_same_structure(got, expected)
    for (path, value), reference in zip(
        _flat(got), tf.nest.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(
            value, reference, rtol=tolerance, atol=tolerance, err_msg=path
        )


def _flat(nest: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(nest, dict):
        return [(path, nest)]
    return [leaf for key in sorted(nest) for leaf in _flat(nest[key], f"{path}/{key}")]
