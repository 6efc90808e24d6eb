"""Trains on skewed batches and prints a digest of every bit of the results.

Most ids are those of one table, and most of these one row: what several threads share.
"""

import hashlib
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.native.library import native_ops

EXAMPLES, LENGTH, DIM = 4_000, 60, 17
ROWS = (50_000, 100, 3)
RULES = ("adagrad", "sgd", "adam")
STEPS = 2


def digest(ops: Any) -> str:
    """Returns a digest of splits, activations, tables and slots after some steps."""
    rng = np.random.default_rng(5)
    found = hashlib.sha256()
    tables = [tf.Variable(rng.normal(size=(n, DIM)).astype(np.float32)) for n in ROWS]
    slots = [tf.Variable(tf.fill([n, DIM], 0.1)) for n in (ROWS[0], ROWS[2], ROWS[2])]
    lengths = (LENGTH, 1, 2)
    sizes = {
        "feature_tables": [0, 1, 2],
        "feature_rows": [EXAMPLES] * 3,
        "dims": [DIM] * 3,
    }
    for _ in range(STEPS):
        ids = [
            rng.integers(0, n, EXAMPLES * k) for n, k in zip(ROWS, lengths, strict=True)
        ]
        ids[0][rng.uniform(size=len(ids[0])) < 0.6] = 7
        columns = ops.shardline_partition(
            ids=ids,
            positions=[np.arange(EXAMPLES + 1, dtype=np.int64) * k for k in lengths],
            weights=[rng.uniform(size=len(own)).astype(np.float32) for own in ids],
            hosts=1,
            paths=["hot", "warm", "cold"],
            kinds=["ragged"] * 3,
            is_weighted=[True] * 3,
            validate=[False] * 3,
            kept=[0] * 3,
            output_shapes=[[EXAMPLES]] * 3,
            feature_tables=[0, 1, 2],
            table_names=["hot", "warm", "cold"],
            combiners=["sum", "mean", "sqrtn"],
            policies=["error"] * 3,
            vocabulary_sizes=ROWS,
            host_counts=[1] * 3,
            first_rows=[0] * 3,
        )
        batch = [column for (column,) in columns]
        activations = ops.shardline_lookup(
            [table.handle for table in tables],
            *batch,
            [],
            feature_count=3,
            quantization=[0.0] * 9,
            **sizes,
        )
        ops.shardline_update(
            [table.handle for table in tables],
            [slot.handle for slot in slots],
            *([column] for column in batch),
            activations,
            [0.1] * 3,
            [],
            **sizes,
            rules=RULES,
            options=[-np.inf, np.inf, -np.inf, np.inf, 0, 0.9, 0.1, 0.99, 0.01, 0.1]
            * 3,
            flags=[True, *[False] * 6] * 2 + [True, True, *[False] * 5],
        )
        for tensor in (*batch, *activations, *tables, *slots):
            found.update(tensor.numpy().tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    print(digest(native_ops()))
