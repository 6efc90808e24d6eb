"""Checkpoints of one object, and host-sharded variables to put into them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.tables.sharded_variable import RowShardedVariable


def write(
    saved: Any, path: Path, options: tf.train.CheckpointOptions | None = None
) -> str:
    """Writes a checkpoint of an engine or a variable; returns its prefix."""
    return tf.train.Checkpoint(embedding=saved).write(str(path), options=options)


def read(target: Any, prefix: str) -> Any:
    """Reads what `write` wrote; returns the status."""
    return tf.train.Checkpoint(embedding=target).read(prefix)


def sharded(
    *row_counts: int, dim: int = 16, value: float | None = None
) -> RowShardedVariable:
    """Returns a variable with one shard a row count, over the logical hosts."""
    rows = sum(row_counts)
    whole = np.arange(rows * dim, dtype=np.float32).reshape([rows, dim])
    whole = whole if value is None else np.full_like(whole, value)
    shards = np.split(whole, np.cumsum(row_counts)[:-1])
    variables = []
    for host, shard in enumerate(shards):
        with tf.device(f"/CPU:{host}"):
            variables.append(tf.Variable(shard))
    return RowShardedVariable(variables, "items")


def assert_same(
    got: Mapping[str, Mapping[str, np.ndarray]],
    expected: Mapping[str, Mapping[str, np.ndarray]],
) -> None:
    """Asserts that two results of `cases.state` are equal bit by bit."""
    assert got.keys() == expected.keys()
    for table, variables in expected.items():
        assert got[table].keys() == variables.keys()
        for name, value in variables.items():
            np.testing.assert_array_equal(
                got[table][name], value, err_msg=f"{table}: {name}"
            )
