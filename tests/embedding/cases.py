"""Builders the engine's tests share: batches, their tensors, tables over hosts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding import TPUEmbedding

ROWS = 11
DIM = 3
BATCH = 6
# The same examples along two axes.
FOLDED = (2, 3)
LENGTH = 3
UNUSABLE = {
    "ids": [-1, ROWS, 2**31 + 1, -(2**40)],
    "weights": [np.nan, np.inf, -np.inf, -1.0],
    "gradient": [np.nan, np.inf],
}


@dataclass(frozen=True)
class Case:
    """One kind of input with one way to combine it.

    Kinds "dense3" and "sparse3" have rank 3: [*FOLDED, 1] and [*FOLDED, n].
    `output_shape` is that of the FeatureConfig; a sequence "with gaps" is sparse and
    has columns without an id.
    """

    kind: str
    combiner: str = "mean"
    weighted: bool = False
    length: int = 0
    output_shape: tuple[int, ...] | None = None
    gaps: bool = False

    def __str__(self) -> str:
        words = [self.kind, f"sequence{self.length}" if self.length else self.combiner]
        words += ["gaps"] * self.gaps + ["weighted"] * self.weighted
        if self.output_shape:
            words.append("to" + "x".join(map(str, self.output_shape)))
        return "-".join(words)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the activations without dim."""
        if self.output_shape:
            return self.output_shape
        if self.kind.endswith("3"):
            return FOLDED
        return (BATCH, self.length) if self.length else (BATCH,)

    def lookup(self, oracle: ModuleType, batch: "Batch") -> Any:
        """Returns the reference's lookup of a batch."""
        folded = self.output_shape or (FOLDED if self.kind.endswith("3") else None)
        return oracle.Lookup(
            batch.ids, self.combiner, batch.weights, self.length, folded
        )


@dataclass(frozen=True)
class Batch:
    """What one feature holds in one step, and the gradient of its activations."""

    ids: list[list[int | None]]
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
SHAPED = (
    Case("dense3"),
    *(
        Case("sparse3", combiner, weighted)
        for combiner in COMBINERS
        for weighted in (False, True)
    ),
    # Of rank 3: max_sequence_length is ignored.
    Case("sparse3", length=LENGTH),
    Case("sparse", length=LENGTH, gaps=True),
    Case("ragged", "sum", output_shape=FOLDED),
    Case("ragged", "mean", weighted=True, output_shape=FOLDED),
    # Three times as many places as examples: sequences.
    Case("ragged", output_shape=(*FOLDED, 3)),
    Case("ragged", weighted=True, output_shape=(BATCH, 3)),
)


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
    config: tf.tpu.experimental.embedding.TableConfig,
    length: int = 0,
    output_shape: tuple[int, ...] | None = None,
) -> tf.tpu.experimental.embedding.FeatureConfig:
    """Returns a feature of `config`."""
    return tf.tpu.experimental.embedding.FeatureConfig(
        table=config,
        max_sequence_length=length,
        output_shape=None if output_shape is None else list(output_shape),
    )


def pair(
    case: Case, name: str = "items", **options: Any
) -> dict[str, tf.tpu.experimental.embedding.FeatureConfig]:
    """Returns two features that share one table, which has these `options`."""
    shared = table(case.combiner, name, **options)
    return {
        side: feature(shared, case.length, case.output_shape)
        for side in ("left", "right")
    }


def batch(case: Case, rng: np.random.Generator, empty: int = 1) -> Batch:
    """Draws one batch: duplicate ids, uneven examples, example `empty` without ids.

    Weighted batches hold one example whose weights are all zero, and under "sum" one
    whose weights cancel.
    """
    sizes = [1] * BATCH
    if not case.kind.startswith("dense"):
        sizes = [int(size) for size in rng.permutation(BATCH) + 1]
        sizes[empty] = 0
    # Ids from less than the whole vocabulary: duplicates, and rows never touched.
    ids: list[list[int | None]] = [
        [int(row) for row in rng.integers(1, ROWS, size)] for size in sizes
    ]
    weights = None
    if case.weighted:
        weights = [[float(w) for w in rng.uniform(0.5, 2, size)] for size in sizes]
        zero, cancelling = [at for at in range(BATCH) if at != empty][:2]
        weights[zero] = [0.0] * sizes[zero]
        if case.combiner == "sum":
            ids[cancelling], weights[cancelling] = [1, ROWS - 1], [1.5, -1.5]
    if case.gaps:
        ids = [
            [None if place % 3 == at % 3 else row for place, row in enumerate(example)]
            for at, example in enumerate(ids)
        ]
    gradient = rng.normal(size=(*case.shape, DIM)).astype(np.float32)
    return Batch(ids, weights, gradient)


def batches(case: Case, steps: int, seed: int = 7) -> list[dict[str, Batch]]:
    """Draws `steps` batches of the two features of `pair`."""
    rng = np.random.default_rng(seed)
    return [
        {"left": batch(case, rng, 1), "right": batch(case, rng, BATCH - 1)}
        for _ in range(steps)
    ]


def spoiled(features: Mapping[str, Batch], fault: str, seed: int) -> dict[str, Batch]:
    """Returns a step with some values that no table can use.

    `fault` names the part that has them: "ids" or "weights", about every third of both
    features; "gradient", that of the first example of "left".
    """
    rng = np.random.default_rng(seed)
    if fault == "gradient":
        gradient = features["left"].gradient.copy()
        gradient.reshape(BATCH, -1, DIM)[0, :, 1] = UNUSABLE[fault][seed % 2]
        left = replace(features["left"], gradient=gradient)
        return {"left": left, "right": features["right"]}

    def some_replaced(examples: Any) -> Any:
        return [
            [
                rng.choice(UNUSABLE[fault]).item() if rng.uniform() < 0.3 else value
                for value in example
            ]
            for example in examples
        ]

    return {
        name: replace(item, **{fault: some_replaced(getattr(item, fault))})
        for name, item in features.items()
    }


def tensor(
    kind: str,
    rows: Sequence[Sequence[float | None]],
    dtype: tf.DType,
    stride: int = 1,
    width: int | None = None,
) -> tf.Tensor | tf.SparseTensor | tf.RaggedTensor:
    """Returns `rows` as a tensor of a kind of `Case`.

    A sparse tensor holds its values in every `stride`-th column of `width`, which is by
    default one more than they need; None leaves a column without one.
    """
    if kind == "dense":
        return tf.constant([row[0] for row in rows], dtype)
    if kind == "dense3":
        return tf.reshape(tf.constant(rows, dtype), [*FOLDED, 1])
    if kind == "ragged":
        return tf.RaggedTensor.from_row_lengths(
            tf.constant([value for row in rows for value in row], dtype),
            tf.constant([len(row) for row in rows], tf.int64),
        )
    leading = FOLDED if kind == "sparse3" else (len(rows),)
    found = [
        ((*np.unravel_index(at, leading), stride * k), value)
        for at, row in enumerate(rows)
        for k, value in enumerate(row)
        if value is not None
    ]
    if width is None:
        width = stride * max((len(row) for row in rows), default=0) + 1
    return tf.SparseTensor(
        tf.reshape(
            tf.constant([index for index, _ in found], tf.int64), [-1, len(leading) + 1]
        ),
        tf.constant([value for _, value in found], dtype),
        [*leading, width],
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
    """Returns the type of `value` with every data-dependent size left open.

    Those are the number of ids of an example, and with a `batch_size` of None the
    number of examples.
    """
    if value is None:
        return None
    first = value.shape[0] if batch_size else None
    if isinstance(value, tf.SparseTensor):
        return tf.SparseTensorSpec([first, *value.shape[1:-1], None], value.dtype)
    if isinstance(value, tf.RaggedTensor):
        return tf.RaggedTensorSpec([first, None], value.dtype, ragged_rank=1)
    return tf.TensorSpec([first, *value.shape[1:]], value.dtype)


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
