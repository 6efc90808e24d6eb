"""Whatever the native ops are given, they refuse it or answer: they never crash.

Each call here is a good one with one thing wrong. It must be refused, and no table may
have changed.
"""

import numpy as np
import pytest
import tensorflow as tf

INT64_MAX = 2**63 - 1
ROWS, DIM = 4, 2
BOUNDS = [-np.inf, np.inf, -np.inf, np.inf]


def ints(*values):
    return np.array(values, np.int64)


# Two ragged features of one table over two hosts: bags [[1, 3], [2]] and [[0], []].
PARTITION = {
    "ids": [ints(1, 3, 2), ints(0)],
    "positions": [ints(0, 2, 3), ints(0, 2, 3), ints(0, 1, 1)],
    "weights": [np.ones(3, np.float32)],
    "hosts": 2,
    "paths": ["left", "right"],
    "kinds": ["ragged", "ragged"],
    "is_weighted": [True, False],
    "validate": [True, True],
    "kept": [0, 0],
    "output_shapes": [[2], [2]],
    "feature_tables": [0, 0],
    "table_names": ["items"],
    "combiners": ["mean"],
    "policies": ["error"],
    "vocabulary_sizes": [ROWS],
    "host_counts": [2],
    "first_rows": [0, 2],
}
# The same two ids of two examples, sparse.
SPARSE = {
    "ids": [ints(1, 3)],
    "positions": [np.array([[0, 0], [1, 4]]), ints(2, 5)],
    "weights": [],
    "paths": ["left"],
    "kinds": ["sparse"],
    "is_weighted": [False],
    "validate": [True],
    "kept": [0],
    "output_shapes": [[2]],
    "feature_tables": [0],
}
DENSE = SPARSE | {"ids": [ints(1, 3)], "positions": [], "kinds": ["dense"]}
SEQUENCE = SPARSE | {"kept": [3], "output_shapes": [[2, 3]]}
# An example of two ids and one of one, in activation rows 0 and 2 of 3.
BATCH = {
    "rows": np.array([1, 3, 0], np.int32),
    "segments": np.array([0, 0, 2], np.int32),
    "coefficients": np.ones(3, np.float32),
    "table_ends": ints(3),
}
SIZES = {"feature_tables": [0], "feature_rows": [3], "dims": [DIM]}
LOOKUP = BATCH | SIZES
LOOKUP |= {"partial_sums": [], "feature_count": 1, "quantization": [0.0] * 3}
UPDATE = {name: [column] for name, column in BATCH.items()} | SIZES
UPDATE |= {
    "gradients": [np.ones([3, DIM], np.float32)],
    "rates": [0.5],
    "trackers": [],
    "rules": ["adagrad"],
    "options": [*BOUNDS, *[0.0] * 6],
    "flags": [True, *[False] * 6],
}
# Of rows and segments, in this order.
NUMBERS = [-1, ROWS, 2**31 - 1, -(2**31)]

BAD_PARTITIONS = {
    "splits that descend": {"positions": [ints(0, 2, 1)] * 2 + [ints(0, 1, 1)]},
    "splits not from 0": {"positions": [ints(1, 2, 3)] * 2 + [ints(0, 1, 1)]},
    "splits below 0": {"positions": [ints(-5, 2, 3)] * 2 + [ints(0, 1, 1)]},
    "splits past the end": {"positions": [ints(0, 2, 2**40)] * 2 + [ints(0, 1, 1)]},
    "splits past and back": {"positions": [ints(0, 9, 3)] * 2 + [ints(0, 1, 1)]},
    "splits before the end": {"positions": [ints(0, 1, 2)] * 2 + [ints(0, 1, 1)]},
    "no splits": {"positions": [ints(), ints(), ints(0, 1, 1)]},
    "splits of rank 2": {"positions": [ints([0, 2, 3])] * 2 + [ints(0, 1, 1)]},
    "too many splits": {"positions": [ints(0, 1, 2, 3)] * 2 + [ints(0, 1, 1)]},
    "no positions": {"positions": []},
    "too few positions": {"positions": [ints(0, 2, 3)]},
    "other weights' splits": {
        "positions": [ints(0, 2, 3), ints(0, 1, 3), ints(0, 1, 1)]
    },
    "weights' splits too short": {
        "positions": [ints(0, 2, 3), ints(0, 3), ints(0, 1, 1)]
    },
    "too few weights": {"weights": [np.ones(2, np.float32)]},
    "too many weights": {"weights": [np.ones(4, np.float32)]},
    "no weights": {"weights": []},
    "negative weight": {"weights": [np.float32([1, -1, 1])]},
    "weight that is NaN": {"weights": [np.float32([1, np.nan, 1])]},
    "infinite weight": {"weights": [np.float32([1, np.inf, 1])]},
    "negative id": {"ids": [ints(1, -1, 2), ints(0)]},
    "id past the table": {"ids": [ints(1, ROWS, 2), ints(0)]},
    "huge id": {"ids": [ints(1, INT64_MAX, 2), ints(0)]},
    "smallest id": {"ids": [ints(1, -INT64_MAX - 1, 2), ints(0)]},
    "negative int32 id": {"ids": [np.int32([1, -1, 2]), np.int32([0])]},
    "ids of one feature": {"ids": [ints(1, 3, 2)]},
    "ids of three features": {"ids": [ints(1, 3, 2), ints(0), ints(0)]},
    "other output shape": {"output_shapes": [[3], [2]]},
    "shape that is not divided": {"kept": [-1, 0], "output_shapes": [[3], [2]]},
    "huge kept": {"kept": [2**62, 0], "output_shapes": [[0], [2]]},
    "huge output shape": {"output_shapes": [[2**40], [2]]},
    "unknown output shape": {"output_shapes": [[None], [2]]},
    "too few kinds": {"kinds": ["ragged"]},
    "unknown kind": {"kinds": ["ragged", "square"]},
    "unknown combiner": {"combiners": ["max"]},
    "unknown policy": {"policies": ["ignore"]},
    "too few names": {"paths": ["left"]},
    "too many tables": {"table_names": ["items", "more"]},
    "too many combiners": {"combiners": ["sum"] * 2},
    "table that is not there": {"feature_tables": [0, 1]},
    "negative table": {"feature_tables": [0, -1]},
    "empty table": {"vocabulary_sizes": [0]},
    "negative table size": {"vocabulary_sizes": [-4]},
    "table too large for a host": {"vocabulary_sizes": [2**40]},
    "no host": {"host_counts": [0], "first_rows": [0]},
    "too many hosts": {"host_counts": [3], "first_rows": [0, 1, 2]},
    "too few first rows": {"host_counts": [2], "first_rows": [0]},
    "first row not 0": {"first_rows": [1, 2]},
    "weighted dense": {"kinds": ["dense", "ragged"], "positions": [ints(0, 1, 1)]},
}
BAD_SPARSE = {
    "row past the shape": {"positions": [np.array([[0, 0], [2, 4]]), ints(2, 5)]},
    "negative row": {"positions": [np.array([[0, 0], [-1, 4]]), ints(2, 5)]},
    "huge row": {"positions": [np.array([[0, 0], [2**62, 4]]), ints(2, 5)]},
    "column past the shape": {"positions": [np.array([[0, 0], [1, 5]]), ints(2, 5)]},
    "negative column": {"positions": [np.array([[0, 0], [1, -1]]), ints(2, 5)]},
    "too few indices": {"positions": [np.array([[0, 0]]), ints(2, 5)]},
    "indices of rank 1": {"positions": [ints(0, 1), ints(2, 5)]},
    "indices of three axes": {"positions": [np.zeros([2, 3], np.int64), ints(2, 5)]},
    "shape of one axis": {"positions": [np.zeros([2, 1], np.int64), ints(2)]},
    "shape of rank 2": {"positions": [np.array([[0, 0], [1, 4]]), ints([2, 5])]},
    "no shape": {"positions": [np.array([[0, 0], [1, 4]]), ints()]},
    "negative shape": {"positions": [np.array([[0, 0], [1, 4]]), ints(-2, 5)]},
    "other batch": {"positions": [np.array([[0, 0], [1, 4]]), ints(3, 5)]},
    "no shape given": {"positions": [np.array([[0, 0], [1, 4]])]},
}
BAD_SEQUENCES = {
    "longer than its output shape": {"kept": [100_000]},
    "shorter than its output shape": {"kept": [2]},
    "output shape without the length": {"output_shapes": [[2]]},
}
BAD_DENSE = {
    "too many ids": {"ids": [ints(1, 3, 0)]},
    "ids of another shape": {"ids": [ints([1, 3])]},
    "a scalar": {"ids": [np.int64(1)]},
}
BAD_BATCHES = {
    **{f"row {n}": {"rows": np.int32([1, n, 0])} for n in NUMBERS},
    **{f"segment {n}": {"segments": np.int32([0, n, n])} for n in NUMBERS},
    "segments that descend": {"segments": np.int32([2, 0, 0])},
    "too few rows": {"rows": np.int32([1, 3])},
    "too few segments": {"segments": np.int32([0, 0])},
    "too many coefficients": {"coefficients": np.ones(4, np.float32)},
    "rows of rank 2": {"rows": np.int32([[1, 3, 0]])},
    "scalars": {"rows": np.int32(1), "segments": np.int32(0)},
    "end before the last": {"table_ends": ints(2)},
    "end past the last": {"table_ends": ints(2**40)},
    "negative end": {"table_ends": ints(-1)},
    "no ends": {"table_ends": ints()},
    "ends of two tables": {"table_ends": ints(0, 3)},
    "ends of rank 2": {"table_ends": ints([3])},
}
BAD_SIZES = {
    "other dim": {"dims": [DIM + 1]},
    "no dim": {"dims": [0]},
    "negative dim": {"dims": [-DIM]},
    "dims of two tables": {"dims": [DIM, DIM]},
    "table that is not there": {"feature_tables": [1]},
    "negative table": {"feature_tables": [-1]},
    "too few activation rows": {"feature_rows": [2]},
    "negative activation rows": {"feature_rows": [-3]},
    "too many activation rows": {"feature_rows": [2**31]},
    "two features' rows": {"feature_rows": [3, 3]},
    "two features": {"feature_tables": [0, 0], "feature_rows": [2, 1]},
}
BAD_LOOKUPS = BAD_BATCHES | BAD_SIZES
BAD_LOOKUPS |= {
    "too little quantization": {"quantization": [0.0] * 2},
    "quantization of two tables": {"quantization": [0.0] * 6},
    "partial sums of other rows": {"partial_sums": [np.ones([2, DIM], np.float32)]},
    "flat partial sums": {"partial_sums": [np.ones(3 * DIM, np.float32)]},
    "partial sums of two features": {
        "partial_sums": [np.ones([3, DIM], np.float32)] * 2
    },
    "two outputs": {"feature_count": 2},
}
BAD_UPDATES = {
    name: {column: [value] for column, value in wrong.items()}
    for name, wrong in BAD_BATCHES.items()
}
BAD_UPDATES |= BAD_SIZES | {
    "gradient of other rows": {"gradients": [np.ones([2, DIM], np.float32)]},
    "gradient of another dim": {"gradients": [np.ones([3, DIM + 1], np.float32)]},
    "flat gradient": {"gradients": [np.ones(3 * DIM, np.float32)]},
    "gradients of two features": {"gradients": [np.ones([3, DIM], np.float32)] * 2},
    "no rate": {"rates": []},
    "two rates": {"rates": [0.5, 0.5]},
    "unknown rule": {"rules": ["rmsprop"]},
    "rules of two tables": {"rules": ["adagrad"] * 2},
    "rule without slots": {"rules": ["sgd"]},
    "rule with two slots": {"rules": ["adam"]},
    "too few options": {"options": [*BOUNDS, *[0.0] * 5]},
    "options of two tables": {"options": [*BOUNDS, *[0.0] * 6] * 2},
    "too few flags": {"flags": [True] * 6},
    "flags of two tables": {"flags": [True] * 14},
}


@pytest.fixture
def table():
    return tf.Variable(np.arange(ROWS * DIM, dtype=np.float32).reshape(ROWS, DIM))


@pytest.fixture
def slot():
    return tf.Variable(tf.ones([ROWS, DIM]))


def refused(call, compiled=False):
    """Calls, or traces and calls; what is refused while tracing is a ValueError."""
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        (tf.function(call) if compiled else call)()


@pytest.mark.parametrize(
    ("good", "wrong"),
    [
        pytest.param(good, wrong, id=name)
        for good, faults in (
            (PARTITION, BAD_PARTITIONS),
            (PARTITION | SPARSE, BAD_SPARSE),
            (PARTITION | SEQUENCE, BAD_SEQUENCES),
            (PARTITION | DENSE, BAD_DENSE),
        )
        for name, wrong in faults.items()
    ],
)
def test_malformed_batch_is_refused(ops, good, wrong):
    ops.shardline_partition(**good)
    refused(lambda: ops.shardline_partition(**good | wrong))


@pytest.mark.parametrize("policy", ["drop", "oov_row"])
@pytest.mark.parametrize("number", [-1, ROWS, INT64_MAX, -INT64_MAX - 1])
def test_ids_meet_the_policy(ops, policy, number):
    wrong = {"ids": [ints(1, number, 2), ints(0)], "policies": [policy]}
    found = ops.shardline_partition(**PARTITION | wrong)
    rows = [row for host in found.rows for row in host.numpy()]
    # By host: rows 0 and 1, 2 and 3.
    assert rows == ([1, 0, 0] if policy == "drop" else [1, 0, 1, 0])
    unchecked = wrong | {"validate": [False, True]}
    unchecked["positions"] = [ints(0, 2, 3), ints(0, 1, 1)]
    refused(lambda: ops.shardline_partition(**PARTITION | unchecked))


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("wrong", BAD_LOOKUPS.values(), ids=BAD_LOOKUPS)
def test_malformed_lookup_is_refused(ops, table, wrong, compiled):
    ops.shardline_lookup([table.handle], **LOOKUP)
    refused(lambda: ops.shardline_lookup([table.handle], **LOOKUP | wrong), compiled)


@pytest.mark.parametrize("wrong", BAD_UPDATES.values(), ids=BAD_UPDATES)
def test_malformed_update_is_refused_and_writes_nothing(ops, table, slot, wrong):
    before, slot_before = table.numpy(), slot.numpy()
    call = UPDATE | wrong
    refused(lambda: ops.shardline_update([table.handle], [slot.handle], **call))
    np.testing.assert_array_equal(table, before)
    np.testing.assert_array_equal(slot, slot_before)
    ops.shardline_update([table.handle], [slot.handle], **UPDATE)
    assert not np.array_equal(table, before)


@pytest.mark.parametrize(
    "shape",
    [[ROWS - 1, DIM], [ROWS, DIM + 1], [ROWS * DIM], [ROWS, DIM, 1], []],
    ids=str,
)
def test_slot_of_another_shape_is_refused(ops, table, shape):
    other, before = tf.Variable(tf.ones(shape)), table.numpy()
    refused(lambda: ops.shardline_update([table.handle], [other.handle], **UPDATE))
    np.testing.assert_array_equal(table, before)


def test_variable_that_is_table_and_slot_is_refused(ops, table):
    refused(lambda: ops.shardline_update([table.handle], [table.handle], **UPDATE))


@pytest.mark.parametrize("dtype", [tf.int32, tf.float64, tf.bool], ids=str)
def test_table_of_another_type_is_refused(ops, slot, dtype):
    # Shared with the variable: the op would have to copy it.
    values = tf.cast(tf.ones([ROWS, DIM]), dtype)
    other = tf.Variable(values)
    refused(lambda: ops.shardline_lookup([other.handle], **LOOKUP))
    refused(lambda: ops.shardline_update([other.handle], [slot.handle], **UPDATE))


@pytest.mark.parametrize("count", [0, 2])
def test_list_of_handles_as_one_is_refused(ops, table, slot, count):
    handles = tf.stack([table.handle, slot.handle])[:count]
    refused(lambda: ops.shardline_lookup([handles], **LOOKUP))


def test_resource_that_is_no_variable_is_refused(ops):
    queue = tf.queue.FIFOQueue(1, [tf.float32])
    refused(lambda: ops.shardline_lookup([queue.queue_ref], **LOOKUP))


def test_names_of_other_gradients_are_refused(ops):
    gradient = tf.ones([2, 2])
    refused(lambda: ops.shardline_check_finite([gradient], table_names=["a", "b"]))


def spoiled(value, rng):
    """Returns an argument of an op, with some numbers of its arrays replaced."""
    if isinstance(value, list):
        return [spoiled(item, rng) for item in value]
    if isinstance(value, np.ndarray) and value.size and rng.uniform() < 0.3:
        value = value.copy()
        numbers = [-1, 0, 1, 2, 3, 5, 2**31 - 1, -(2**31)]
        value.flat[rng.integers(value.size)] = rng.choice(numbers)
    return value


@pytest.mark.parametrize("seed", range(100))
def test_random_numbers_are_refused_or_answered(ops, table, slot, seed):
    """What is answered has read and written inside: sanitizers see to it."""
    rng = np.random.default_rng(seed)
    good = [PARTITION, PARTITION | SPARSE, PARTITION | SEQUENCE, PARTITION | DENSE]

    def attempt(op, *handles, **call):
        try:
            op(*handles, **{name: spoiled(value, rng) for name, value in call.items()})
        except tf.errors.InvalidArgumentError:
            pass

    attempt(ops.shardline_partition, **good[seed % 4])
    attempt(ops.shardline_lookup, [table.handle], **LOOKUP)
    attempt(ops.shardline_update, [table.handle], [slot.handle], **UPDATE)
