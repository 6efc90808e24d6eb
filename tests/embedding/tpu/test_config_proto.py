"""The configuration of a TPU system, field by field."""

import tensorflow as tf

from shardline.embedding.config.specs import collect_tables, flatten_features
from shardline.embedding.tpu.config_proto import Configuration, configuration

tpu = tf.tpu.experimental.embedding


def configured(cases, optimizer, rows=11, **options):
    """Returns the configuration of one feature on four hosts."""
    features = flatten_features({"clicks": cases.feature(cases.table(rows=rows))})
    tables = collect_tables(features, optimizer)
    defaults = {"hosts": 4, "replicas": 8, "cores_per_replica": None}
    return configuration(
        features,
        tables,
        [tf.TensorShape([6])],
        **(defaults | {"pipelined": False} | options),
    )


def test_sizes_and_names_are_those_of_the_system(cases):
    found = configured(cases, tpu.SGD(0.5), pipelined=True)
    assert (found.num_hosts, found.num_tensor_cores) == (4, 8)
    assert found.pipeline_execution_with_tensor_core
    assert found.mode == Configuration.TRAINING
    (table,) = found.table_descriptor
    assert (table.name, table.vocabulary_size, table.dimension) == ("items", 11, 3)
    assert table.optimization_parameters.learning_rate.constant == 0.5
    (feature,) = found.feature_descriptor
    assert list(feature.input_shape) == [6]


def test_small_table_gets_a_row_on_every_host(cases):
    (table,) = configured(cases, tpu.SGD(), rows=2).table_descriptor
    assert table.vocabulary_size == 4


def test_split_replicas_count_their_cores(cases):
    found = configured(cases, tpu.SGD(), cores_per_replica=2)
    assert found.num_tensor_cores == 16
    assert found.spmd_sharding.num_cores_per_replica == 2


def test_callable_learning_rate_becomes_a_tag(cases):
    optimizer = tpu.Adagrad(lambda: 0.1, clip_weight_min=-1.0)
    (table,) = configured(cases, optimizer).table_descriptor
    parameters = table.optimization_parameters
    assert parameters.learning_rate.WhichOneof("learning_rate") == "dynamic"
    assert parameters.learning_rate.dynamic.tag == 0
    assert parameters.clipping_limits.lower.value == -1.0
    assert not parameters.clipping_limits.HasField("upper")


def test_options_of_adam_are_in_its_message(cases):
    optimizer = tpu.Adam(beta_1=0.5, lazy_adam=False, sum_inside_sqrt=False)
    (table,) = configured(cases, optimizer).table_descriptor
    adam = table.optimization_parameters.adam
    assert (adam.beta1, adam.use_non_lazy_adam, adam.use_sum_inside_sqrt) == (
        0.5,
        True,
        False,
    )
