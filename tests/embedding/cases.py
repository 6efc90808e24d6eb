"""Builders the engine's tests share: batches, their tensors, tables over hosts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from embedding import TPUEmbedding

ROWS = 11
DIM = 3
BATCH = 5
LENGTH = 3


@dataclass(frozen=True)
class Case:
    """One kind of input with one way to combine it."""

    kind: str
    combiner: str = "mean"
    weighted: bool = False
    length: int = 0

    def __str__(self) -> str:
        combiner = f"sequence{self.length}" if self.length else self.combiner
        return f"{self.kind}-{combiner}" + ("-weighted" if self.weighted else "")


@dataclass(frozen=True)
class Batch:
    """What one feature holds in one step, and the gradient of its activations."""

    ids: list[list[int]]
    weights: list[list[float]] | None
    gradient: np.ndarray


COMBINERS = ("sum", "mean", "sqrtn")
POOLED = (
    *(Case("dense", combiner) for combiner in COMBINERS),
    *(
        Case(kind, combiner, weighted)
        for kind in ("sparse", "ragged")
        for combiner in COMBINERS
        for weighted in (False, True)
    ),
)
SEQUENCES = (Case("sparse", length=LENGTH), Case("ragged", length=LENGTH))
CASES = POOLED + SEQUENCES


def hosts(count: int) -> list[str]:
    """Returns the names of the first `count` logical CPUs."""
    return [f"/CPU:{index}" for index in range(count)]


def values(rows: int = ROWS, dim: int = DIM, seed: int = 0) -> np.ndarray:
    """Returns float32 [rows, dim] to start a table with."""
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)


def table(
    combiner: str = "mean",
    name: str | None = "items",
    rows: int = ROWS,
    dim: int = DIM,
    **options: Any,
) -> tf.tpu.experimental.embedding.TableConfig:
    """Returns a table of zeros."""
    return tf.tpu.experimental.embedding.TableConfig(
        vocabulary_size=rows,
        dim=dim,
        combiner=combiner,
        name=name,
        initializer=tf.zeros_initializer(),
        **options,
    )


def feature(
    config: tf.tpu.experimental.embedding.TableConfig, length: int = 0
) -> tf.tpu.experimental.embedding.FeatureConfig:
    """Returns a feature of `config`."""
    return tf.tpu.experimental.embedding.FeatureConfig(
        table=config, max_sequence_length=length
    )


def pair(
    case: Case, name: str = "items"
) -> dict[str, tf.tpu.experimental.embedding.FeatureConfig]:
    """Returns two features that share one table."""
    shared = table(case.combiner, name)
    return {side: feature(shared, case.length) for side in ("left", "right")}


def batch(case: Case, rng: np.random.Generator, empty: int = 1) -> Batch:
    """Draws one batch: duplicate ids, uneven examples, example `empty` without ids.

    Weighted batches hold one example whose weights are all zero and one whose weights
    cancel.
    """
    sizes = [1] * BATCH
    if case.kind != "dense":
        sizes = [int(size) for size in rng.permutation(BATCH) + 1]
        sizes[empty] = 0
    # Ids from less than the whole vocabulary: duplicates, and rows never touched.
    ids = [[int(row) for row in rng.integers(1, ROWS, size)] for size in sizes]
    weights = None
    if case.weighted:
        weights = [[float(w) for w in rng.uniform(0.5, 2, size)] for size in sizes]
        zero, cancelling = [at for at in range(BATCH) if at != empty][:2]
        weights[zero] = [0.0] * sizes[zero]
        ids[cancelling], weights[cancelling] = [1, ROWS - 1], [1.5, -1.5]
    length = (case.length,) if case.length else ()
    gradient = rng.normal(size=(BATCH, *length, DIM)).astype(np.float32)
    return Batch(ids, weights, gradient)


def batches(case: Case, steps: int, seed: int = 7) -> list[dict[str, Batch]]:
    """Draws `steps` batches of the two features of `pair`."""
    rng = np.random.default_rng(seed)
    return [
        {"left": batch(case, rng, 1), "right": batch(case, rng, BATCH - 1)}
        for _ in range(steps)
    ]


def tensor(
    kind: str, rows: Sequence[Sequence[float]], dtype: tf.DType, stride: int = 1
) -> tf.Tensor | tf.SparseTensor | tf.RaggedTensor:
    """Returns `rows` as a dense, sparse or ragged tensor.

    A sparse tensor holds its values in every `stride`-th column.
    """
    if kind == "dense":
        return tf.constant([row[0] for row in rows], dtype)
    ragged = tf.RaggedTensor.from_row_lengths(
        tf.constant([value for row in rows for value in row], dtype),
        tf.constant([len(row) for row in rows], tf.int64),
    )
    if kind == "ragged":
        return ragged
    indices = [[at, stride * k] for at, row in enumerate(rows) for k in range(len(row))]
    width = stride * max((len(row) for row in rows), default=0) + 1
    return tf.SparseTensor(
        tf.reshape(tf.constant(indices, tf.int64), [-1, 2]),
        ragged.values,
        [len(rows), width],
    )


def inputs(case: Case, features: Mapping[str, Batch]) -> tuple[dict, dict]:
    """Returns the ids and the weights of one step, as `enqueue` takes them."""
    stride = 1 if case.length else 2
    ids = {
        name: tensor(case.kind, item.ids, tf.int64, stride)
        for name, item in features.items()
    }
    weights = {
        name: tensor(case.kind, item.weights, tf.float32, stride)
        if case.weighted
        else None
        for name, item in features.items()
    }
    return ids, weights


def gradients(features: Mapping[str, Batch]) -> dict[str, tf.Tensor]:
    """Returns the gradients of one step, as `apply_gradients` takes them."""
    return {name: tf.constant(item.gradient) for name, item in features.items()}


def spec(value: Any, batch_size: int | None = BATCH) -> Any:
    """Returns the type of `value` with every data-dependent size left open."""
    if isinstance(value, tf.SparseTensor):
        return tf.SparseTensorSpec([batch_size, None], value.dtype)
    if isinstance(value, tf.RaggedTensor):
        return tf.RaggedTensorSpec([batch_size, None], value.dtype, ragged_rank=1)
    if value is None:
        return None
    return tf.TensorSpec([batch_size, *value.shape[1:]], value.dtype)


def specs(nest: Any, batch_size: int | None = BATCH) -> Any:
    """Returns `spec` of every leaf of `nest`."""
    return tf.nest.map_structure(lambda value: spec(value, batch_size), nest)


def assign(sharded: Any, rows: np.ndarray) -> None:
    """Writes a whole table into its host variables."""
    start = 0
    for variable in sharded.variables:
        stop = start + variable.shape[0]
        variable.assign(rows[start:stop])
        start = stop
    assert start == len(rows)


def read(sharded: Any) -> np.ndarray:
    """Returns a whole table from its host variables."""
    return np.concatenate([variable.numpy() for variable in sharded.variables])


def state(engine: TPUEmbedding) -> dict[str, dict[str, np.ndarray]]:
    """Returns table name -> "parameters" or slot name -> whole table."""
    return {
        config.name: {"parameters": read(sharded)}
        | {
            slot: read(variable)
            for slot, variable in engine.slot_variables.get(config, {}).items()
        }
        for config, sharded in engine.embedding_tables.items()
    }


def start(
    config: Any, optimizer: Any, host_count: int = 3, batch_size: int = 2
) -> TPUEmbedding:
    """Builds an engine whose tables all start with `values`."""
    engine = TPUEmbedding(config, optimizer, hosts=hosts(host_count))
    engine.build(batch_size)
    for key, sharded in engine.embedding_tables.items():
        assign(sharded, values(key.vocabulary_size, key.dim))
    return engine


def parameters(engine: TPUEmbedding, name: str = "items") -> np.ndarray:
    """Returns a whole table by its name."""
    return state(engine)[name]["parameters"]


def clicks(*rows: int) -> dict[str, tf.Tensor]:
    """Returns dense ids of the feature "clicks"."""
    return {"clicks": tf.constant(rows, tf.int64)}


def ones() -> dict[str, tf.Tensor]:
    """Returns a gradient of ones for two examples of the feature "clicks"."""
    return {"clicks": tf.ones([2, DIM])}


def called(function: Callable[..., Any], compiled: bool, *arguments: Any) -> Any:
    """Calls a function eagerly, or as a graph of its own."""
    return (tf.function(function) if compiled else function)(*arguments)
