"""Pusher: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import (
    ModelComparison,
    ServingValidation,
)
from shardline.components.execution.code_version import code_version
from shardline.components.pusher.executor import Executor
from shardline.configs.schema import Publishing


class PusherSpec(ComponentSpec):
    """Inputs, outputs and parameters of Pusher."""

    PARAMETERS = {
        "serving_dir": ExecutionParameter(type=str),
        "publishing": ExecutionParameter(type=str),
        "force": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "validation": ChannelParameter(type=ServingValidation),
        "comparison": ChannelParameter(type=ModelComparison, optional=True),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class Pusher(base_component.BaseComponent):
    """Publishes a model that passes every gate as the next version to serve."""

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: BaseChannel,
        model_blessing: BaseChannel,
        validation: BaseChannel,
        serving_dir: str,
        publishing: Publishing,
        force: str,
        comparison: BaseChannel | None = None,
    ):
        """Makes the component.

        Args:
            model: the exported model.
            model_blessing: the evaluator's verdict on it.
            validation: the serving validator's.
            serving_dir: the folder that model servers, or their agents, read.
            publishing: how versions are written.
            force: the reason to publish whatever the verdicts are; "" publishes only a
                model that passes.
            comparison: how it does beside the model in service, if it was compared.
        """
        super().__init__(
            PusherSpec(
                model=model,
                model_blessing=model_blessing,
                validation=validation,
                serving_dir=serving_dir,
                publishing=publishing.as_parameter(),
                force=force,
                code_version=code_version(Executor.__module__),
                pushed_model=Channel(type=standard_artifacts.PushedModel),
                **({"comparison": comparison} if comparison else {}),
            )
        )
