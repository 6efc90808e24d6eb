"""Which host holds and answers what."""

import dataclasses

import pytest
import tensorflow as tf

from shardline.embedding.config.specs import collect_tables, flatten_features
from shardline.embedding.host.layout import HostLayout, lookups_from_queue


@pytest.fixture
def layout(cases):
    """Three hosts; two features share a table of 11 rows, one has a table of 2."""
    shared = cases.table()
    configs = {
        "left": cases.feature(shared),
        "right": cases.feature(shared, length=3),
        "tail": cases.feature(cases.table(name="small", rows=2)),
    }
    features = flatten_features(configs)
    tables = collect_tables(features, None)
    shapes = {"left": [4], "right": [4, 3], "tail": [4]}
    built = [
        dataclasses.replace(f, built_shape=tf.TensorShape(shapes[f.path]))
        for f in features
    ]
    return HostLayout(built, tables, cases.hosts(3))


def test_sizes_follow_from_the_built_shapes(layout):
    assert layout.shapes == [[4], [4, 3], [4]]
    assert layout.activation_rows == [4, 12, 4]
    assert layout.table_of_feature == [0, 0, 1]
    assert [layout.table_rows(table) for table in (0, 1)] == [16, 4]


def test_hosts_without_rows_of_a_table_answer_nothing_of_it(layout, cases):
    assert layout.first_rows == [[0, 4, 8], [0, 1]]
    assert [layout.tables_on(host) for host in range(3)] == [[0, 1], [0, 1], [0]]
    assert [layout.features_on(host) for host in (0, 2)] == [[0, 1, 2], [0, 1]]
    assert layout.used_hosts == cases.hosts(3)


def test_host_that_holds_no_rows_at_all_is_not_used(layout, cases):
    small = dataclasses.replace(
        layout,
        features=layout.features[2:],
        tables=[dataclasses.replace(layout.tables[1], features=(0,))],
    )
    assert small.used_hosts == cases.hosts(2)


def test_batch_of_another_shape_is_refused(layout):
    ids = [tf.zeros([5], tf.int64), tf.sparse.from_dense([[1]] * 4), tf.zeros([4])]
    with pytest.raises(
        ValueError, match=r"'left': the engine was built .* \[4\], got \[5\]. Build"
    ):
        layout.check_shapes(ids)


def test_lookups_from_a_queue_are_vectors():
    @tf.function(input_signature=[tf.TensorSpec(None, tf.int32)] * 4)
    def shapes(*tensors):
        assert [column.shape.rank for column in tensors] == [None] * 4
        lookups = lookups_from_queue(tensors)
        assert [column.shape.as_list() for column in lookups] == [[None]] * 4
        return lookups.rows

    shapes.get_concrete_function()
