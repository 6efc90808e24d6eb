"""Initial values: the same on any hosts, drawn in blocks, as the initializer says."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.config import initializers
from shardline.embedding.config.initializers import row_values
from shardline.embedding.tables import partition

ROWS, DIM = 103, 4
BLOCK_ROWS = 10
HOST_COUNTS = (1, 2, 3, 5)

DEFAULT = tf.tpu.experimental.embedding.TableConfig(ROWS, DIM).initializer

RANDOM = {
    "uniform": tf.random_uniform_initializer(-1.0, 3.0, seed=7),
    "normal": tf.random_normal_initializer(1.0, 2.0, seed=7),
    "truncated_normal": type(DEFAULT)(0.5, 0.2, seed=7),
    "glorot_uniform": tf.compat.v2.initializers.GlorotUniform(seed=7),
    "keras_uniform": keras.initializers.RandomUniform(-1.0, 3.0, seed=7),
    "keras_normal": keras.initializers.RandomNormal(1.0, 2.0, seed=7),
    "keras_truncated_normal": keras.initializers.TruncatedNormal(0.5, 0.2, seed=7),
    "keras_he_normal": keras.initializers.HeNormal(seed=7),
    "keras_lecun_uniform": keras.initializers.LecunUniform(seed=7),
    "keras_variance_scaling": keras.initializers.VarianceScaling(
        2.0, "fan_avg", "untruncated_normal", seed=7
    ),
}


@pytest.fixture
def small_blocks(monkeypatch):
    """Makes a block hold ten rows of a [103, 4] table."""
    monkeypatch.setattr(initializers, "BLOCK_VALUES", BLOCK_ROWS * DIM)


def made(initializer, host_count, shape=(ROWS, DIM)):
    """Returns a whole table, made as `host_count` hosts make it."""
    source = row_values(initializer, shape, "items")
    return np.concatenate(
        [
            source.values(first, last)
            for rows in partition.row_ranges(shape[0], host_count)
            for first, last in partition.aligned_blocks(*rows, source.block_rows)
        ]
    )


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", RANDOM)
def test_seeded_table_is_the_same_on_any_hosts(name):
    expected = made(RANDOM[name], 1)
    for host_count in HOST_COUNTS[1:]:
        np.testing.assert_array_equal(made(RANDOM[name], host_count), expected)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", RANDOM)
def test_no_two_blocks_hold_the_same_values(name):
    table = made(RANDOM[name], 3)
    blocks = [table[at : at + BLOCK_ROWS] for at in range(0, 100, BLOCK_ROWS)]
    assert len({block.tobytes() for block in blocks}) == 10
    assert len(np.unique(table)) > 0.99 * table.size


@pytest.mark.parametrize("name", RANDOM)
def test_table_of_one_block_has_the_initializers_own_values(name):
    own = RANDOM[name]((ROWS, DIM), dtype=tf.float32)
    np.testing.assert_array_equal(made(RANDOM[name], 3), own)


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [
        ("uniform", 1.0, 4 / 12**0.5),
        ("normal", 1.0, 2.0),
        # Cut at two deviations.
        ("truncated_normal", 0.5, 0.2 * 0.8796),
        # Fans of the whole [2000, 50] table, not of a block.
        ("glorot_uniform", 0.0, (2 / 2050) ** 0.5),
        ("keras_he_normal", 0.0, (2 / 2000) ** 0.5),
        ("keras_lecun_uniform", 0.0, (1 / 2000) ** 0.5),
        ("keras_variance_scaling", 0.0, (2 / 1025) ** 0.5),
    ],
)
def test_blocks_follow_the_distribution_of_the_whole_table(
    monkeypatch, name, mean, deviation
):
    monkeypatch.setattr(initializers, "BLOCK_VALUES", 100 * 50)
    table = made(RANDOM[name], 3, (2000, 50))
    assert np.mean(table) == pytest.approx(mean, abs=0.02 * deviation)
    assert np.std(table) == pytest.approx(deviation, rel=0.02)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    "initializer", [DEFAULT, keras.initializers.RandomNormal()], ids=["tf", "keras"]
)
def test_unseeded_table_repeats_no_shard(initializer):
    source = row_values(initializer, (ROWS, DIM), "items")
    assert source.block_rows == BLOCK_ROWS
    blocks = [source.values(at, at + 10).numpy().tobytes() for at in range(0, 100, 10)]
    assert len(set(blocks)) == 10
    again = source.values(90, 100).numpy().tobytes()
    assert again == blocks[-1]


def test_unseeded_tables_differ():
    assert not np.array_equal(made(DEFAULT, 2), made(DEFAULT, 2))


def test_unseeded_table_follows_the_global_seed():
    tables = []
    for _ in range(2):
        tf.random.set_seed(5)
        tables.append(made(DEFAULT, 2))
    np.testing.assert_array_equal(*tables)


def test_blocks_are_bounded_whatever_the_table():
    source = row_values(DEFAULT, (10**9, 64), "items")
    assert source.block_rows * 64 * 4 == 4 * 2**20
    last = source.values(10**9 - 1, 10**9)
    assert last.shape == (1, 64)


def test_rows_wider_than_a_block_are_drawn_one_by_one(monkeypatch):
    monkeypatch.setattr(initializers, "BLOCK_VALUES", 2)
    assert row_values(DEFAULT, (ROWS, DIM), "items").block_rows == 1
    assert made(DEFAULT, 3).shape == (ROWS, DIM)


@pytest.mark.parametrize("host_count", HOST_COUNTS)
@pytest.mark.parametrize(
    ("initializer", "expected"),
    [
        (tf.zeros_initializer(), np.zeros([ROWS, DIM])),
        (tf.ones_initializer(), np.ones([ROWS, DIM])),
        (tf.constant_initializer(2.5), np.full([ROWS, DIM], 2.5)),
        (tf.constant_initializer([2.5]), np.full([ROWS, DIM], 2.5)),
        (
            tf.constant_initializer(np.arange(ROWS * DIM)),
            np.arange(ROWS * DIM).reshape([ROWS, DIM]),
        ),
        (
            tf.constant_initializer(np.arange(ROWS * DIM).reshape([ROWS, DIM])),
            np.arange(ROWS * DIM).reshape([ROWS, DIM]),
        ),
        (keras.initializers.Zeros(), np.zeros([ROWS, DIM])),
        (keras.initializers.Ones(), np.ones([ROWS, DIM])),
        (keras.initializers.Constant(-1), np.full([ROWS, DIM], -1)),
        (
            tf.tpu.experimental.embedding.RowIdInitializer(offset=3),
            np.repeat(np.arange(3, ROWS + 3)[:, None], DIM, axis=1),
        ),
    ],
)
def test_constant_table_is_cut_by_rows(host_count, initializer, expected):
    table = made(initializer, host_count)
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, expected)


def test_constant_of_another_size_is_refused_by_tensorflow():
    with pytest.raises(TypeError, match="elements"):
        made(tf.constant_initializer([1.0, 2.0, 3.0]), 2)


def test_initializer_with_shard_info_makes_each_hosts_rows():
    asked = []

    def row_numbers(shape, dtype, shard_info):
        asked.append((tuple(shape), dtype, shard_info.shape, shard_info.offset))
        rows = tf.range(shard_info.shape[0], dtype=dtype) + shard_info.offset[0]
        return tf.repeat(rows[:, None], shard_info.shape[1], axis=1)

    table = made(row_numbers, 2)
    np.testing.assert_array_equal(table[:, 0], np.arange(ROWS))
    assert asked == [
        ((ROWS, DIM), tf.float32, (52, DIM), (0, 0)),
        ((ROWS, DIM), tf.float32, (51, DIM), (52, 0)),
    ]


def test_initializer_with_partition_arguments_makes_each_hosts_rows():
    def row_numbers(shape, dtype, partition_shape, partition_offset):
        assert tuple(shape) == (ROWS, DIM)
        rows = tf.range(partition_shape[0], dtype=dtype) + partition_offset[0]
        return tf.repeat(rows[:, None], partition_shape[1], axis=1)

    np.testing.assert_array_equal(made(row_numbers, 5)[:, 1], np.arange(ROWS))


class Shifted(tf.keras.initializers.Initializer):
    """Knows nothing of shards."""

    calls = 0

    def __call__(self, shape, dtype=None, **_):
        self.calls += 1
        return tf.reshape(tf.range(np.prod(shape), dtype=dtype), shape) + 0.5


class ShiftedNormal(type(tf.random_normal_initializer())):
    """A subclass with values of its own."""

    def __call__(self, shape, dtype=tf.float32, **options):
        return super().__call__(shape, dtype, **options) + 100.0


def test_any_other_callable_makes_the_whole_table_once():
    initializer = Shifted()
    table = made(initializer, 5)
    np.testing.assert_array_equal(table, initializer((ROWS, DIM), dtype=tf.float32))
    assert initializer.calls == 2


def test_subclass_with_own_values_keeps_them():
    initializer = ShiftedNormal(seed=2)
    expected = initializer((ROWS, DIM))
    assert np.min(expected) > 90
    np.testing.assert_array_equal(made(initializer, 3), expected)


def test_keras_seed_generator_makes_the_whole_table_once():
    seed = keras.random.SeedGenerator(3)
    table = made(keras.initializers.RandomNormal(seed=seed), 3)
    same = keras.random.SeedGenerator(3)
    expected = keras.initializers.RandomNormal(seed=same)((ROWS, DIM))
    np.testing.assert_array_equal(table, expected)


def test_values_of_another_type_become_float32():
    def ids(shape, dtype):
        return np.arange(np.prod(shape)).reshape(shape)

    assert made(ids, 2).dtype == np.float32


def test_partial_initializer_makes_the_whole_table():
    fill = functools.partial(lambda value, shape, dtype: tf.fill(shape, value), 4.0)
    np.testing.assert_array_equal(made(fill, 3), np.full([ROWS, DIM], 4.0))


def test_initializer_of_another_shape_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'items' gave the shape \[4, 103\]"):
        made(lambda shape, dtype: tf.zeros(shape[::-1]), 2)


def test_shard_of_another_shape_is_refused_by_name():
    def whole(shape, dtype, shard_info):
        return tf.zeros(shape)

    with pytest.raises(ValueError, match=r"'items' .* for the rows 0 to 52; expected"):
        made(whole, 2)
