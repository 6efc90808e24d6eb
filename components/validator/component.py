"""ServingValidator: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import ServingValidation
from shardline.components.execution.code_version import code_version
from shardline.components.validator.executor import Executor
from shardline.configs.schema import Serving


class ServingValidatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of ServingValidator."""

    PARAMETERS = {
        "serving": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {"validation": ChannelParameter(type=ServingValidation)}


class ServingValidator(base_component.BaseComponent):
    """Compares an exported model with what training answered, and with limits."""

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, model: BaseChannel, serving: Serving):
        """Makes the component.

        Args:
            model: the exported model.
            serving: the limits that it must keep.
        """
        super().__init__(
            ServingValidatorSpec(
                model=model,
                serving=serving.as_parameter(),
                code_version=code_version(Executor.__module__),
                validation=Channel(type=ServingValidation),
            )
        )
