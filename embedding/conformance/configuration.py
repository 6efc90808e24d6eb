"""The engine's configuration of cases: features, tables and optimizers."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.config.policies import Policy
from shardline.embedding.conformance.cases import SIDES, Case

_tpu = tf.tpu.experimental.embedding


@dataclasses.dataclass
class StepNumber:
    """The number of the step that is being traced, for learning rates to see.

    Not a variable: on a TPU it would have to lie there, and a kit that checks
    variables needs none.

    Attributes:
        value: int32 scalar; set before apply_gradients is called.
    """

    value: tf.Tensor | None = None

    def rate(self, rates: Sequence[float]) -> Callable[[], tf.Tensor]:
        """Returns a learning rate that has a value for each step."""
        return lambda: tf.gather(tf.constant(rates, tf.float32), self.value)


def feature_config(cases: Sequence[Case], number: StepNumber) -> dict[str, Any]:
    """Returns the two features of each case, by its name.

    Args:
        cases: with names of their own.
        number: what learning rates that change look at.
    """
    return {case.name: _features(case, number) for case in cases}


def policies(cases: Sequence[Case]) -> dict[str, Policy] | None:
    """Returns the policies of the tables; None if all have the usual one."""
    found: dict[str, Any] = {
        case.name: case.policy for case in cases if case.policy != "error"
    }
    return found or None


def _features(case: Case, number: StepNumber) -> dict[str, Any]:
    quantization = case.quantization and _tpu.QuantizationConfig(*case.quantization)
    table = _tpu.TableConfig(
        vocabulary_size=case.start.shape[0],
        dim=case.start.shape[1],
        initializer=tf.constant_initializer(case.start),
        optimizer=_optimizer(case, number),
        combiner=case.combiner,
        name=case.name,
        quantization_config=quantization,
    )
    return {
        side: _tpu.FeatureConfig(
            table=table,
            max_sequence_length=case.max_sequence_length,
            output_shape=case.output_shape and list(case.output_shape),
        )
        for side in SIDES
    }


def _optimizer(case: Case, number: StepNumber) -> Any:
    options = dict(case.options)
    if isinstance(options["learning_rate"], list):
        options["learning_rate"] = number.rate(options["learning_rate"])
    if isinstance(options.get("clipvalue"), list):
        options["clipvalue"] = tuple(options["clipvalue"])
    return getattr(_tpu, case.optimizer)(**options)
