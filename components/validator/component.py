"""ServingValidator: what it takes and gives."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import ServingValidation
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
    """Holds an exported model against what training answered, and against limits."""

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, model: BaseChannel, serving: Serving, code_version: str):
        """Makes the component.

        Args:
            model: the exported model.
            serving: what it must pass.
            code_version: digest of the code, for the cache key.
        """
        super().__init__(
            ServingValidatorSpec(
                model=model,
                serving=serving.model_dump_json(),
                code_version=code_version,
                validation=Channel(type=ServingValidation),
            )
        )
