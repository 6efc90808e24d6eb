"""The update rule of each optimizer, as the TPU defines it.

A rule maps (parameters, slots, gradient, learning rate) of the touched rows to their
new values. The gradient of a row is the exact sum over all its occurrences in the
batch. Formulas: `OptimizationParameters` in TensorFlow's
core/protobuf/tpu/optimization_parameters.proto.
"""

import functools
from typing import Any

import tensorflow as tf

SGD = tf.tpu.experimental.embedding.SGD
Adagrad = tf.tpu.experimental.embedding.Adagrad
Adam = tf.tpu.experimental.embedding.Adam

Slots = tuple[tf.Tensor, ...]

# Options of the configuration objects that the rules below do not implement, with the
# value that leaves them off.
_OPTIONS_LEFT_OFF = {
    "clip_weight_min": None,
    "clip_weight_max": None,
    "clip_gradient_min": None,
    "clip_gradient_max": None,
    "weight_decay_factor": None,
    "slot_variable_creation_fn": None,
    "use_gradient_accumulation": True,
    "lazy_adam": True,
}


def check_supported(optimizer: Any, table_name: str) -> None:
    """Refuses an optimizer, or an option of one, that has no rule here.

    Raises:
        ValueError: if `optimizer` is not a TPU embedding optimizer.
        NotImplementedError: if its class or one of its options is not implemented.
    """
    if optimizer is None:
        return
    # All public optimizers share this base, which TensorFlow does not export.
    if not any(base.__name__ == "_Optimizer" for base in type(optimizer).__mro__):
        raise ValueError(
            f"Table '{table_name}': {optimizer!r} is an unsupported optimizer class. "
            "Use one of tf.tpu.experimental.embedding.{SGD, Adagrad, Adam}."
        )
    if not isinstance(optimizer, (SGD, Adagrad, Adam)):
        raise NotImplementedError(
            f"Table '{table_name}': {type(optimizer).__name__} is not implemented on "
            "the host backend; use SGD, Adagrad or Adam."
        )
    for option, off in _OPTIONS_LEFT_OFF.items():
        value = getattr(optimizer, option, off)
        if value != off:
            raise NotImplementedError(
                f"Table '{table_name}': {type(optimizer).__name__}({option}={value}) "
                f"is not implemented on the host backend; leave it at {off}."
            )


def slot_initial_values(optimizer: Any) -> dict[str, float]:
    """Returns the optimizer's slot names, in its order, with their initial values."""
    match optimizer:
        case Adagrad():
            return {"accumulators": optimizer.initial_accumulator_value}
        case Adam():
            return {"momenta": 0.0, "velocities": 0.0}
        case _:
            return {}


def learning_rate(optimizer: Any) -> tf.Tensor:
    """Returns the learning rate of this step: float32 scalar, callables evaluated."""
    rate = optimizer.learning_rate
    return tf.cast(rate() if callable(rate) else rate, tf.float32)


@functools.singledispatch
def updated_rows(
    optimizer: Any,
    parameters: tf.Tensor,
    slots: Slots,
    gradient: tf.Tensor,
    rate: tf.Tensor,
) -> tuple[tf.Tensor, Slots]:
    """Returns the touched rows and their slots after one update.

    Args:
        optimizer: the table's configuration object, accepted by `check_supported`.
        parameters: float32 [rows, dim], the touched rows.
        slots: float32 [rows, dim] each, in the order of `slot_initial_values`.
        gradient: float32 [rows, dim], summed over the occurrences of each row.
        rate: float32 scalar, the learning rate.

    Raises:
        TypeError: if no rule is registered for the optimizer's class.
    """
    raise TypeError(f"No update rule for {type(optimizer).__name__}.")


@updated_rows.register(SGD)
def _sgd(
    optimizer: Any, parameters: Any, slots: Slots, gradient: Any, rate: Any
) -> tuple[tf.Tensor, Slots]:
    return parameters - rate * gradient, slots


@updated_rows.register(Adagrad)
def _adagrad(
    optimizer: Any, parameters: Any, slots: Slots, gradient: Any, rate: Any
) -> tuple[tf.Tensor, Slots]:
    (accumulator,) = slots
    accumulator += tf.square(gradient)
    return parameters - rate * gradient * tf.math.rsqrt(accumulator), (accumulator,)


@updated_rows.register(Adam)
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
