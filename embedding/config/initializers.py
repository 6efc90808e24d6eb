"""What a table starts with: values of any range of rows, the same on any hosts.

A random table is drawn in blocks of rows, each from a stateless seed made of the
initializer's seed and the number of the block. So each host draws its own rows only,
a block at a time, and no value depends on where the hosts' ranges end. Values of the
first block, thus of every small table, are those that the initializer itself draws.

Constants are cut, and initializers that know of shards (`shard_info`, or
`partition_shape` and `partition_offset`) are asked shard by shard. Any other callable
can only be asked for the whole table: it is made once, on the first host, and cut.
"""

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

# The classes of TensorFlow's initializers, of which `TableConfig`'s default is not
# exported, and of which a copy must get another seed for every block.
from tensorflow.python.ops import init_ops_v2

RowIdInitializer = tf.tpu.experimental.embedding.RowIdInitializer

# 4 MiB of float32: enough for a draw to keep the cores busy, little beside a shard.
BLOCK_VALUES = 2**20

_RANDOM = (
    init_ops_v2.RandomNormal,
    init_ops_v2.RandomUniform,
    init_ops_v2.TruncatedNormal,
    init_ops_v2.VarianceScaling,
)
# Keras' initializers of the same formulas, with the options they share.
_KERAS_OPTIONS = {
    "RandomNormal": ("mean", "stddev"),
    "RandomUniform": ("minval", "maxval"),
    "TruncatedNormal": ("mean", "stddev"),
    "VarianceScaling": ("scale", "mode", "distribution"),
    "Constant": ("value",),
    "Zeros": (),
    "Ones": (),
}
_KERAS_SEED_LIMIT = 2**31 - 2


class ShardInfo(NamedTuple):
    """Which part of a table an initializer is asked for.

    Attributes:
        shape: [rows, dim] of the part.
        offset: where the part begins in the table: (row, 0).
    """

    shape: tuple[int, int]
    offset: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class RowValues:
    """The initial values of a table, by rows.

    Attributes:
        values: gives float32 [last - first, dim] for (first, last).
        block_rows: a range given to `values` must not cross a multiple of it.
    """

    values: Callable[[int, int], tf.Tensor]
    block_rows: int

    def is_one_block(self, first: int, last: int) -> bool:
        """Tells whether the rows [first, last) may be asked for at once."""
        return first // self.block_rows == (last - 1) // self.block_rows


def row_values(initializer: Any, shape: tuple[int, int], name: str) -> RowValues:
    """Returns how to make any rows of a table.

    Values of one returned object are drawn from one seed. Made on the current device.

    Args:
        initializer: takes (shape, dtype=...), and `shard_info` if it knows of shards.
        shape: [vocabulary_size, dim] of the whole table.
        name: the table's or slot's name, for messages.
    """
    known = _as_tensorflow(initializer)
    values: Callable[[int, int], Any]
    if _is_one_of(known, _RANDOM):
        block_rows = max(BLOCK_VALUES // shape[1], 1)
        values = functools.partial(_drawn, known, _seed(known), shape, block_rows)
    else:
        block_rows = shape[0]
        values = _undrawn(initializer, known, shape, name)
    return RowValues(_checked(values, shape[1], name), block_rows)


def _undrawn(
    initializer: Any, known: Any, shape: tuple[int, int], name: str
) -> Callable[[int, int], Any]:
    """Returns how to make rows that depend on no block.

    Args:
        initializer: the user's.
        known: the same, or TensorFlow's equal of it.
        shape: the shape of the whole table.
        name: the name of the table or slot.
    """
    parameters = _parameters(initializer)
    if "shard_info" in parameters:
        return functools.partial(_of_shard, initializer, shape)
    if {"partition_shape", "partition_offset"} <= parameters:
        return functools.partial(_of_partition, initializer, shape)
    if _is_one_of(known, (init_ops_v2.Zeros, init_ops_v2.Ones)):
        return functools.partial(_of_partition, known, shape)
    if type(known) is RowIdInitializer:
        return functools.partial(_row_ids, known.offset, shape[1])
    if _is_one_of(known, (init_ops_v2.Constant,)):
        if np.size(known.value) == 1:
            return functools.partial(_filled, np.reshape(known.value, []), shape[1])
        if np.size(known.value) == np.prod(shape):
            return functools.partial(_cut, np.reshape(known.value, shape))
    return _once_made(initializer, shape, name)


def _parameters(initializer: Any) -> set[str]:
    try:
        return set(inspect.signature(initializer).parameters)
    except (TypeError, ValueError):  # Callables of C tell no signature.
        return set()


def _is_one_of(initializer: Any, classes: tuple[type, ...]) -> bool:
    """Tells whether values are computed by one of `classes`, not by a subclass."""
    return any(
        isinstance(initializer, known) and type(initializer).__call__ is known.__call__
        for known in classes
    )


def _as_tensorflow(initializer: Any) -> Any:
    """Returns TensorFlow's equal of a Keras initializer; anything else as it is."""
    for base in type(initializer).__mro__:
        options = _KERAS_OPTIONS.get(base.__name__)
        if (
            options is not None
            and base.__module__.startswith("keras.")
            and type(initializer).__call__ is base.__call__
            and getattr(initializer, "input_axes", None) is None
            and getattr(initializer, "output_axes", None) is None
        ):
            arguments = {option: getattr(initializer, option) for option in options}
            if hasattr(initializer, "seed"):
                # Keras also has seeds that change with every draw.
                if not isinstance(initializer.seed, int):
                    return initializer
                arguments["seed"] = initializer.seed % _KERAS_SEED_LIMIT
            return getattr(init_ops_v2, base.__name__)(**arguments)
    return initializer


def _seed(initializer: Any) -> tuple[int, int]:
    """Returns an initializer's seed as stateless ops take it, else a random one."""
    if initializer.seed is not None:
        return initializer.seed, 0
    low, high = tf.random.uniform([2], maxval=2**31 - 1, dtype=tf.int32).numpy()
    return int(low), int(high)


def _drawn(
    initializer: Any,
    seed: tuple[int, int],
    shape: tuple[int, int],
    block_rows: int,
    first: int,
    last: int,
) -> tf.Tensor:
    """Draws the block of the rows [first, last) and returns these rows of it."""
    block = first // block_rows
    start = block * block_rows
    rows = min(block_rows, shape[0] - start)
    seeded = copy.copy(initializer)
    seeded._random_generator = copy.copy(initializer._random_generator)
    seeded._random_generator.seed = [seed[0], seed[1] + block]
    drawn = _of_partition(seeded, shape, start, start + rows)
    return drawn[first - start : last - start]


def _of_shard(
    initializer: Any, shape: tuple[int, int], first: int, last: int
) -> tf.Tensor:
    part = ShardInfo((last - first, shape[1]), (first, 0))
    return initializer(shape, dtype=tf.float32, shard_info=part)


def _of_partition(
    initializer: Any, shape: tuple[int, int], first: int, last: int
) -> tf.Tensor:
    return initializer(
        shape,
        dtype=tf.float32,
        partition_shape=(last - first, shape[1]),
        partition_offset=(first, 0),
    )


def _filled(value: Any, dim: int, first: int, last: int) -> tf.Tensor:
    return tf.fill([last - first, dim], tf.constant(value, tf.float32))


def _cut(rows: Any, first: int, last: int) -> Any:
    return rows[first:last]


def _row_ids(offset: int, dim: int, first: int, last: int) -> tf.Tensor:
    return RowIdInitializer(offset + first)((last - first, dim), tf.float32)


def _once_made(
    initializer: Any, shape: tuple[int, int], name: str
) -> Callable[[int, int], tf.Tensor]:
    """Asks for the whole table."""
    table = tf.convert_to_tensor(initializer(shape, dtype=tf.float32))
    if table.shape != shape:
        raise ValueError(
            f"The initializer of '{name}' gave the shape {table.shape.as_list()}; "
            f"expected {list(shape)}, the shape it was given."
        )
    return functools.partial(_cut, table)


def _checked(
    values: Callable[[int, int], Any], dim: int, name: str
) -> Callable[[int, int], tf.Tensor]:
    """Converts to float32 and refuses another shape than that of the rows."""

    def checked(first: int, last: int) -> tf.Tensor:
        """Returns the rows [first, last).

        Raises:
            ValueError: if the initializer gave another shape.
        """
        rows = tf.convert_to_tensor(values(first, last))
        if rows.shape != [last - first, dim]:
            raise ValueError(
                f"The initializer of '{name}' gave the shape {rows.shape.as_list()} "
                f"for the rows {first} to {last}; expected {[last - first, dim]}."
            )
        return tf.cast(rows, tf.float32)

    return checked
