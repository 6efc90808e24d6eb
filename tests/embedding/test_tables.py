"""Where tables and slots lie, and what they start with."""

import numpy as np
import pytest
import tensorflow as tf

from embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding


def test_default_hosts_are_all_logical_cpus(config):
    (sharded,) = TPUEmbedding(config, tpu.SGD(0.1)).embedding_tables.values()
    assert [v.device.split(":")[-1] for v in sharded.variables] == ["0", "1", "2"]


def test_tables_and_slots_lie_on_their_hosts(cases, config):
    engine = cases.start(config, tpu.Adam(0.1), host_count=2)
    (slots,) = engine.slot_variables.values()
    for sharded in (*engine.embedding_tables.values(), *slots.values()):
        devices = [variable.device for variable in sharded.variables]
        assert [device.split("/")[-1] for device in devices] == [
            "device:CPU:0",
            "device:CPU:1",
        ]


@pytest.mark.parametrize(
    ("rows", "host_count", "expected"),
    [(11, 1, [11]), (11, 2, [6, 5]), (11, 3, [4, 4, 3]), (12, 3, [4, 4, 4])],
)
def test_rows_lie_on_hosts_in_contiguous_ranges(cases, rows, host_count, expected):
    config = cases.feature(cases.table(rows=rows))
    engine = cases.start(config, tpu.SGD(0.1), host_count)
    (sharded,) = engine.embedding_tables.values()
    assert [variable.shape[0] for variable in sharded.variables] == expected


@pytest.mark.parametrize("rows", [1, 2])
def test_table_with_fewer_rows_than_hosts_trains(cases, rows):
    engine = cases.start(
        {"clicks": cases.feature(cases.table(rows=rows))}, tpu.SGD(0.5)
    )
    before = cases.values(rows)
    engine.enqueue(cases.clicks(0, rows - 1))
    np.testing.assert_array_equal(engine.dequeue()["clicks"], before[[0, rows - 1]])
    engine.apply_gradients(cases.ones())
    expected = before - (1.0 if rows == 1 else 0.5)
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


def test_full_table_constant_initializes_every_host(cases):
    table = tpu.TableConfig(
        vocabulary_size=11,
        dim=3,
        name="items",
        initializer=tf.constant_initializer(cases.values()),
    )
    engine = TPUEmbedding(cases.feature(table), tpu.SGD(0.1), hosts=cases.hosts(3))
    np.testing.assert_array_equal(cases.parameters(engine), cases.values())


def test_seeded_initializer_gives_same_table_on_any_number_of_hosts(cases):
    tables = []
    for host_count in (1, 2, 3):
        table = tpu.TableConfig(
            vocabulary_size=11,
            dim=3,
            name="items",
            initializer=tf.random_normal_initializer(seed=3),
        )
        engine = TPUEmbedding(
            cases.feature(table), tpu.SGD(0.1), hosts=cases.hosts(host_count)
        )
        tables.append(cases.parameters(engine))
    assert len(np.unique(tables[0])) > 11
    np.testing.assert_array_equal(tables[1], tables[0])
    np.testing.assert_array_equal(tables[2], tables[0])


def test_slots_start_with_the_optimizers_values(cases, config):
    engine = cases.start(config, tpu.Adagrad(0.1, initial_accumulator_value=0.25))
    (slots,) = engine.slot_variables.values()
    assert list(slots) == ["accumulators"]
    np.testing.assert_array_equal(
        cases.read(slots["accumulators"]), np.full([11, 3], 0.25)
    )
