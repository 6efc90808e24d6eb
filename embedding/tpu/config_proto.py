"""The configuration that a TPU's embedding engine is started with.

Writes what `tf.tpu.experimental.embedding` objects say into the protocol buffer
`TPUEmbeddingConfiguration`, byte for byte as TensorFlow's own class does. Tables come
in the order of their first use, features in the flattened order; the ops of the TPU
refer to both by position.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

# The messages the ops take are part of the wheel, but of no public module.
from tensorflow.core.protobuf.tpu import (
    optimization_parameters_pb2,
    tpu_embedding_configuration_pb2,
)

from embedding.specs import FeatureSpec, TableSpec

tpu = tf.tpu.experimental.embedding

Configuration = tpu_embedding_configuration_pb2.TPUEmbeddingConfiguration
OPTIMIZERS = (tpu.SGD, tpu.Adagrad, tpu.AdagradMomentum, tpu.Adam, tpu.FTRL)
_Status = optimization_parameters_pb2.GradientAccumulationStatus.Status


def dynamic_learning_rates(
    tables: Sequence[TableSpec],
) -> dict[Callable[[], Any], int]:
    """Returns the tag of each distinct callable learning rate, by first occurrence.

    Tags count from 0: the position of the rate's value among the inputs of the op that
    sends gradients. Fewer tags make a faster TPU program, so tables share them.
    """
    tags: dict[Callable[[], Any], int] = {}
    for table in tables:
        if callable(table.optimizer.learning_rate):
            tags.setdefault(table.optimizer.learning_rate, len(tags))
    return tags


def configuration(
    features: Sequence[FeatureSpec],
    tables: Sequence[TableSpec],
    output_shapes: Sequence[tf.TensorShape],
    *,
    hosts: int,
    replicas: int,
    cores_per_replica: int | None,
    pipelined: bool,
) -> Any:
    """Returns the TPUEmbeddingConfiguration of a system.

    Args:
        features: every feature, in flattened order.
        tables: every table, in the order of first use; each with an optimizer.
        output_shapes: of each feature for one core, fully defined, without the
            table's dim.
        hosts: number of hosts that hold rows.
        replicas: number of replicas.
        cores_per_replica: cores that split each replica's batch, None without SPMD.
        pipelined: whether lookups of a step overlap the dense model of the one before.
    """
    config = Configuration()
    tags = dynamic_learning_rates(tables)
    for table in tables:
        _describe_table(config.table_descriptor.add(), table, hosts, tags)
    table_ids = {table.name: table_id for table_id, table in enumerate(tables)}
    for feature, shape in zip(features, output_shapes, strict=True):
        descriptor = config.feature_descriptor.add()
        if feature.config.name:
            descriptor.name = feature.config.name
        descriptor.table_id = table_ids[feature.table_name]
        descriptor.input_shape.extend(shape.as_list())
    # Each enqueued batch brings its own mode.
    config.mode = Configuration.TRAINING
    config.num_hosts = hosts
    config.num_tensor_cores = replicas * (cores_per_replica or 1)
    config.sharding_strategy = Configuration.DIV_DEFAULT
    config.pipeline_execution_with_tensor_core = pipelined
    if cores_per_replica:
        config.spmd_sharding.enabled = True
        config.spmd_sharding.num_cores_per_replica = cores_per_replica
    return config


def _describe_table(
    descriptor: Any, table: TableSpec, hosts: int, tags: dict[Callable[[], Any], int]
) -> None:
    descriptor.name = table.name
    # The TPU wants at least one row on every host.
    descriptor.vocabulary_size = max(table.config.vocabulary_size, hosts)
    descriptor.dimension = table.config.dim
    parameters = descriptor.optimization_parameters
    rate = table.optimizer.learning_rate
    if callable(rate):
        parameters.learning_rate.dynamic.tag = tags[rate]
    else:
        parameters.learning_rate.constant = rate
    _set_options(parameters, table.optimizer)
    _set_algorithm(table.optimizer, parameters)
    quantization = table.config.quantization_config
    if quantization:
        simulated = parameters.simulated_quantization
        simulated.enabled = True
        simulated.num_buckets = quantization.num_buckets
        simulated.clipping_limits.lower.value = quantization.lower
        simulated.clipping_limits.upper.value = quantization.upper


def _set_options(parameters: Any, optimizer: Any) -> None:
    """Writes the options that all optimizers share."""
    parameters.gradient_accumulation_status = (
        _Status.ENABLED if optimizer.use_gradient_accumulation else _Status.DISABLED
    )
    for limit, value in (
        (parameters.clipping_limits.lower, optimizer.clip_weight_min),
        (parameters.clipping_limits.upper, optimizer.clip_weight_max),
        (parameters.gradient_clipping_limits.lower, optimizer.clip_gradient_min),
        (parameters.gradient_clipping_limits.upper, optimizer.clip_gradient_max),
    ):
        if value is not None:
            limit.value = value
    if optimizer.weight_decay_factor:
        parameters.weight_decay_factor = optimizer.weight_decay_factor
        if optimizer.multiply_weight_decay_factor_by_learning_rate:
            parameters.multiply_weight_decay_factor_by_learning_rate = True
    parameters.low_dimensional_packing_status = int(
        optimizer.low_dimensional_packing_status
    )


@functools.singledispatch
def _set_algorithm(optimizer: Any, parameters: Any) -> None:
    raise ValueError(
        f"{type(optimizer)} is an unsupported optimizer class. Use SGD, Adagrad, "
        "AdagradMomentum, Adam or FTRL of tf.tpu.experimental.embedding."
    )


@_set_algorithm.register(tpu.SGD)
def _sgd(optimizer: Any, parameters: Any) -> None:
    parameters.stochastic_gradient_descent.SetInParent()


@_set_algorithm.register(tpu.Adagrad)
def _adagrad(optimizer: Any, parameters: Any) -> None:
    parameters.adagrad.SetInParent()


@_set_algorithm.register(tpu.AdagradMomentum)
def _adagrad_momentum(optimizer: Any, parameters: Any) -> None:
    algorithm = parameters.adagrad_momentum
    algorithm.momentum = optimizer.momentum
    algorithm.use_nesterov = optimizer.use_nesterov
    algorithm.exponent = optimizer.exponent
    algorithm.beta2 = optimizer.beta2
    algorithm.epsilon = optimizer.epsilon


@_set_algorithm.register(tpu.Adam)
def _adam(optimizer: Any, parameters: Any) -> None:
    algorithm = parameters.adam
    algorithm.beta1 = optimizer.beta_1
    algorithm.beta2 = optimizer.beta_2
    algorithm.epsilon = optimizer.epsilon
    algorithm.use_non_lazy_adam = not optimizer.lazy_adam
    algorithm.use_sum_inside_sqrt = optimizer.sum_inside_sqrt


@_set_algorithm.register(tpu.FTRL)
def _ftrl(optimizer: Any, parameters: Any) -> None:
    algorithm = parameters.ftrl
    algorithm.l1 = optimizer.l1_regularization_strength
    algorithm.l2 = optimizer.l2_regularization_strength
    algorithm.lr_power = optimizer.learning_rate_power
    algorithm.beta = optimizer.beta
    algorithm.multiply_linear_by_lr = optimizer.multiply_linear_by_learning_rate
    algorithm.allow_zero_accumulator = optimizer.allow_zero_accumulator
