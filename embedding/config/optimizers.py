"""The update rule of each optimizer, as the TPU defines it.

A rule maps (parameters, slots, gradient, learning rate) of the touched rows to their
new values. One update runs in this order: clip the gradient, decay the weights, apply
the rule, clip the weights. Formulas: `OptimizationParameters` in TensorFlow's
core/protobuf/tpu/optimization_parameters.proto.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

SGD = tf.tpu.experimental.embedding.SGD
Adagrad = tf.tpu.experimental.embedding.Adagrad
AdagradMomentum = tf.tpu.experimental.embedding.AdagradMomentum
Adam = tf.tpu.experimental.embedding.Adam
FTRL = tf.tpu.experimental.embedding.FTRL

OPTIMIZERS = (SGD, Adagrad, AdagradMomentum, Adam, FTRL)

Slots = tuple[tf.Tensor, ...]


def check_supported(optimizer: Any, table_name: str) -> None:
    """Refuses what is not an optimizer of the TPU embedding API.

    Raises:
        ValueError: if `optimizer` is neither None nor one of `OPTIMIZERS`.
    """
    if optimizer is not None and not isinstance(optimizer, OPTIMIZERS):
        names = ", ".join(cls.__name__ for cls in OPTIMIZERS)
        raise ValueError(
            f"Table '{table_name}': {type(optimizer)} is an unsupported optimizer "
            f"class. Use one of tf.tpu.experimental.embedding.{{{names}}}."
        )


def dynamic_learning_rates(optimizers: Sequence[Any]) -> dict[Callable[[], Any], int]:
    """Returns the callable learning rates, each once, with their positions.

    Args:
        optimizers: of each table. Rates are in the order of their first table.
    """
    rates = [optimizer.learning_rate for optimizer in optimizers]
    distinct = dict.fromkeys(rate for rate in rates if callable(rate))
    return {rate: position for position, rate in enumerate(distinct)}


def learning_rates(optimizers: Sequence[Any]) -> list[tf.Tensor]:
    """Returns the learning rate of each table's step: float32 scalars.

    A callable is called once a step, however many tables share it, in the order of its
    first table.
    """
    called = {rate: rate() for rate in dynamic_learning_rates(optimizers)}
    rates = [optimizer.learning_rate for optimizer in optimizers]
    return [
        tf.cast(called[rate] if callable(rate) else rate, tf.float32) for rate in rates
    ]


def touches_all_rows(optimizer: Any) -> bool:
    """Tells whether a step updates rows without ids too: Adam that is not lazy."""
    return isinstance(optimizer, Adam) and not optimizer.lazy_adam


def updated_rows(
    optimizer: Any,
    parameters: tf.Tensor,
    slots: Slots,
    gradient: tf.Tensor,
    rate: tf.Tensor,
) -> tuple[tf.Tensor, Slots]:
    """Returns the touched rows and their slots after one update.

    Args:
        optimizer: the table's configuration object, one of `OPTIMIZERS`.
        parameters: float32 [rows, dim], the touched rows.
        slots: float32 [rows, dim] each, in the optimizer's order.
        gradient: float32 [rows, dim], summed over the occurrences of each row.
        rate: float32 scalar, the learning rate.
    """
    gradient = _clipped(
        gradient, optimizer.clip_gradient_min, optimizer.clip_gradient_max
    )
    parameters, slots = _ruled(
        optimizer, _decayed(optimizer, parameters, rate), slots, gradient, rate
    )
    bounds = (optimizer.clip_weight_min, optimizer.clip_weight_max)
    return _clipped(parameters, *bounds), slots


def _clipped(values: tf.Tensor, low: float | None, high: float | None) -> tf.Tensor:
    if low is not None:
        values = tf.maximum(values, low)
    if high is not None:
        values = tf.minimum(values, high)
    return values


def _decayed(optimizer: Any, parameters: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
    """Applies decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101)."""
    factor = optimizer.weight_decay_factor
    if not factor:
        return parameters
    if optimizer.multiply_weight_decay_factor_by_learning_rate:
        factor = factor * rate
    return parameters - factor * parameters


@functools.singledispatch
def _ruled(
    optimizer: Any,
    parameters: tf.Tensor,
    slots: Slots,
    gradient: tf.Tensor,
    rate: tf.Tensor,
) -> tuple[tf.Tensor, Slots]:
    """Applies the rule registered for the optimizer's class."""
    raise TypeError(f"No update rule for {type(optimizer).__name__}.")


@_ruled.register(SGD)
def _sgd(
    optimizer: Any, parameters: Any, slots: Slots, gradient: Any, rate: Any
) -> tuple[tf.Tensor, Slots]:
    return parameters - rate * gradient, slots


@_ruled.register(Adagrad)
def _adagrad(
    optimizer: Any, parameters: Any, slots: Slots, gradient: Any, rate: Any
) -> tuple[tf.Tensor, Slots]:
    (accumulator,) = slots
    accumulator += tf.square(gradient)
    return parameters - rate * gradient * tf.math.rsqrt(accumulator), (accumulator,)


@_ruled.register(AdagradMomentum)
def _adagrad_momentum(
    optimizer: Any, parameters: Any, slots: Slots, gradient: Any, rate: Any
) -> tuple[tf.Tensor, Slots]:
    """Momentum of the gradient after Adagrad's scaling, not before it."""
    accumulator, momentum = slots
    square = tf.square(gradient)
    if optimizer.beta2 == 1:
        accumulator += square
    else:
        accumulator = optimizer.beta2 * accumulator + (1 - optimizer.beta2) * square
    scale = tf.pow(accumulator + optimizer.epsilon, -1.0 / optimizer.exponent)
    scaled = scale * gradient
    momentum = optimizer.momentum * momentum + scaled
    step = (
        optimizer.momentum * momentum + scaled if optimizer.use_nesterov else momentum
    )
    return parameters - rate * step, (accumulator, momentum)


@_ruled.register(Adam)
def _adam(
    optimizer: Any, parameters: Any, slots: Slots, gradient: Any, rate: Any
) -> tuple[tf.Tensor, Slots]:
    """Adam without bias correction; users who want it put it into the learning rate."""
    momentum, velocity = slots
    beta_1, beta_2 = optimizer.beta_1, optimizer.beta_2
    momentum = beta_1 * momentum + (1 - beta_1) * gradient
    velocity = beta_2 * velocity + (1 - beta_2) * tf.square(gradient)
    if optimizer.sum_inside_sqrt:
        scale = tf.sqrt(velocity + optimizer.epsilon**2)
    else:
        scale = tf.sqrt(velocity) + optimizer.epsilon
    return parameters - rate * momentum / scale, (momentum, velocity)


@_ruled.register(FTRL)
def _ftrl(
    optimizer: Any, parameters: Any, slots: Slots, gradient: Any, rate: Any
) -> tuple[tf.Tensor, Slots]:
    """FTRL-proximal (McMahan et al., KDD 2013): the weight is derived from `linear`.

    With `multiply_linear_by_learning_rate` the stored linear term, and with it the
    regularization, is `rate` times that of the paper.
    """
    accumulator, linear = slots
    power = -optimizer.learning_rate_power
    # The slot holds z, or lr * z: scale of its terms in either case.
    scaled = optimizer.multiply_linear_by_learning_rate
    unit, inverse = (rate, 1.0) if scaled else (1.0, 1.0 / rate)
    before = tf.pow(accumulator, power)
    accumulator += tf.square(gradient)
    after = tf.pow(accumulator, power)
    linear += unit * gradient - (after - before) * parameters * inverse
    l1 = unit * optimizer.l1_regularization_strength
    l2 = 2.0 * unit * optimizer.l2_regularization_strength
    curvature = (after + optimizer.beta) * inverse + l2
    parameters = (tf.clip_by_value(linear, -l1, l1) - linear) / curvature
    return parameters, (accumulator, linear)
