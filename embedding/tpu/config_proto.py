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

from shardline.embedding.config.optimizers import (
    FTRL,
    AdagradMomentum,
    Adam,
    dynamic_learning_rates,
)
from shardline.embedding.config.specs import FeatureSpec, TableSpec
from shardline.embedding.tpu.algorithms import algorithm_of

Configuration = tpu_embedding_configuration_pb2.TPUEmbeddingConfiguration
_Status = optimization_parameters_pb2.GradientAccumulationStatus.Status


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
    # Tags are positions among the learning rates that the op takes which sends
    # gradients. Fewer of them make a faster TPU program, so tables share them.
    tags = dynamic_learning_rates([table.optimizer for table in tables])
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
    algorithm = getattr(parameters, algorithm_of(table.optimizer).field)
    algorithm.SetInParent()
    for option, value in _own_options(table.optimizer).items():
        setattr(algorithm, option, value)
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
def _own_options(optimizer: Any) -> dict[str, Any]:
    """Returns the options of an optimizer alone, by the fields of its message."""
    return {}


@_own_options.register(AdagradMomentum)
def _adagrad_momentum(optimizer: Any) -> dict[str, Any]:
    return {
        "momentum": optimizer.momentum,
        "use_nesterov": optimizer.use_nesterov,
        "exponent": optimizer.exponent,
        "beta2": optimizer.beta2,
        "epsilon": optimizer.epsilon,
    }


@_own_options.register(Adam)
def _adam(optimizer: Any) -> dict[str, Any]:
    return {
        "beta1": optimizer.beta_1,
        "beta2": optimizer.beta_2,
        "epsilon": optimizer.epsilon,
        "use_non_lazy_adam": not optimizer.lazy_adam,
        "use_sum_inside_sqrt": optimizer.sum_inside_sqrt,
    }


@_own_options.register(FTRL)
def _ftrl(optimizer: Any) -> dict[str, Any]:
    return {
        "l1": optimizer.l1_regularization_strength,
        "l2": optimizer.l2_regularization_strength,
        "lr_power": optimizer.learning_rate_power,
        "beta": optimizer.beta,
        "multiply_linear_by_lr": optimizer.multiply_linear_by_learning_rate,
        "allow_zero_accumulator": optimizer.allow_zero_accumulator,
    }
