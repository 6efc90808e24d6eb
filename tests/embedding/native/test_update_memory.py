"""An update keeps the memory it sorts in: no step sees what another left there."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

TABLE_ROWS, SEGMENTS, DIM = 5_000, 40, 3
# Growing, then small for longer than large memory is kept, then large again.
SIZES = [10, 3_000, 0, 40_000, *[7] * 150, 300_000, 1, 40_000]


def batch_of(rng, count):
    """Returns a step's occurrences and gradient, all of small whole numbers."""
    rows = rng.integers(0, TABLE_ROWS, count).astype(np.int32)
    segments = np.sort(rng.integers(0, SEGMENTS, count)).astype(np.int32)
    coefficients = rng.integers(0, 3, count).astype(np.float32)
    gradient = rng.integers(-3, 4, [SEGMENTS, DIM]).astype(np.float32)
    return rows, segments, coefficients, gradient


def step(ops, table, batch):
    """Subtracts a batch's gradient from a table."""
    *columns, gradient = batch
    ops.shardline_update(
        [table.handle],
        [],
        *([column] for column in columns),
        [[len(columns[0])]],
        [gradient],
        [1.0],
        [],
        feature_tables=[0],
        feature_rows=[SEGMENTS],
        dims=[DIM],
        rules=["sgd"],
        options=[-np.inf, np.inf, -np.inf, np.inf, *[0.0] * 6],
        flags=[True, *[False] * 6],
    )


def trained(ops, seed, sizes):
    """Returns a table after steps of some sizes, and what numpy makes of them."""
    rng = np.random.default_rng(seed)
    table = tf.Variable(tf.zeros([TABLE_ROWS, DIM]))
    expected = np.zeros([TABLE_ROWS, DIM])
    for size in sizes:
        batch = batch_of(rng, size)
        step(ops, table, batch)
        rows, segments, coefficients, gradient = batch
        np.subtract.at(expected, rows, coefficients[:, None] * gradient[segments])
    return table.numpy(), expected


def test_steps_of_any_size_follow_each_other(ops):
    np.testing.assert_array_equal(*trained(ops, 3, SIZES))


def test_steps_of_several_threads_do_not_share_memory(ops):
    sizes = [20_000, 5, 50_000, 300, 20_000] * 4
    with ThreadPoolExecutor(6) as pool:
        found = pool.map(lambda seed: trained(ops, seed, sizes), range(6))
    for got, expected in found:
        np.testing.assert_array_equal(got, expected)
