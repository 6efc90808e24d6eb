"""Native and stock kernels split, look up and update alike, called by themselves."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding
from shardline.embedding.config.specs import collect_tables, flatten_features
from shardline.embedding.host.kernels import kernels_for
from shardline.embedding.host.layout import HostLayout
from shardline.embedding.tables.host_table import HostTable

IDS = tf.ragged.constant([[1, 10], [4], [], [1, 1, 7]], dtype=tf.int64)


@pytest.fixture
def system(cases, kernels):
    """Kernels over two hosts for one feature, and its table, filled."""
    (feature,) = flatten_features({"clicks": cases.feature(cases.table("sum"))})
    built = dataclasses.replace(feature, built_shape=tf.TensorShape([4]))
    optimizer = tf.tpu.experimental.embedding.SGD(0.5)
    (spec,) = collect_tables([feature], optimizer)
    table = HostTable(spec, cases.hosts(2))
    for shard, first in zip(table.shards(), table.starts, strict=True):
        rows = cases.values()[first : first + shard.parameters.shape[0]]
        shard.parameters.assign(rows)
    made = kernels_for(HostLayout([built], [spec], cases.hosts(2)))
    made.prepare([table])
    return made, table


def test_lookups_of_hosts_hold_their_rows_from_0_on(system):
    kernels, _ = system
    first, second = kernels.partition([IDS], [None])
    assert first.rows.numpy().tolist() == [1, 4, 1, 1]
    assert first.segments.numpy().tolist() == [0, 1, 3, 3]
    # Host 1 begins at row 6 of 11.
    assert second.rows.numpy().tolist() == [4, 1]
    assert second.segments.numpy().tolist() == [0, 3]
    assert first.table_ends.numpy().tolist() == [4]
    assert second.table_ends.numpy().tolist() == [2]
    assert set(first.coefficients.numpy()) == {1.0}


def test_activations_are_the_sums_over_hosts(system, cases):
    kernels, table = system
    (found,) = kernels.lookup([table], kernels.partition([IDS], [None]))
    expected = [cases.values()[rows].sum(axis=0) for rows in IDS.to_list()[:2]]
    expected += [np.zeros(cases.DIM), cases.values()[[1, 1, 7]].sum(axis=0)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_touched_rows_get_the_sum_of_their_gradients(system, cases):
    kernels, table = system
    gradient = np.arange(12, dtype=np.float32).reshape(4, 3)
    batch = kernels.partition([IDS], [None])
    kernels.update([table], [batch], [[tf.constant(gradient)]], [tf.constant(0.5)])
    expected = cases.values().copy()
    for row, segments in {1: [0, 3, 3], 10: [0], 4: [1], 7: [3]}.items():
        expected[row] -= 0.5 * gradient[segments].sum(axis=0)
    found = np.concatenate([shard.parameters for shard in table.shards()])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_gradient_that_is_not_finite_fails_its_check(system):
    kernels, _ = system
    bad = tf.constant(np.full([4, 3], np.nan, np.float32))
    with pytest.raises(tf.errors.InvalidArgumentError, match="'items': a gradient is"):
        kernels.finite_checks([[bad]])


@pytest.mark.usefixtures("kernels")
def test_graph_adds_hosts_up_in_their_order_whatever_its_nodes_are_called(cases):
    """Of so many tables that TensorFlow numbers the nodes with two digits."""
    names = [f"table{number}" for number in range(8)]
    features = {name: cases.feature(cases.table("sum", name)) for name in names}
    engine = TPUEmbedding(features, hosts=cases.hosts(3))
    engine.build(1)
    for number, sharded in enumerate(engine.embedding_tables.values()):
        cases.assign(sharded, cases.values(seed=number))
    ids = tf.ragged.constant([range(cases.ROWS)], dtype=tf.int64)

    @tf.function(autograph=False)
    def looked_up():
        engine.enqueue(dict.fromkeys(names, ids), training=False)
        return engine.dequeue()

    in_a_graph = looked_up()
    engine.enqueue(dict.fromkeys(names, ids), training=False)
    for name, expected in engine.dequeue().items():
        np.testing.assert_array_equal(in_a_graph[name], expected)
