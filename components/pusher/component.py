"""Pusher: what it takes and gives."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from components.pusher.executor import Executor


class PusherSpec(ComponentSpec):
    """Inputs, outputs and parameters of Pusher."""

    PARAMETERS = {
        "serving_dir": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class Pusher(base_component.BaseComponent):
    """Publishes a blessed model as the next version of a serving folder."""

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: BaseChannel,
        model_blessing: BaseChannel,
        serving_dir: str,
        code_version: str,
    ):
        """Makes the component.

        Args:
            model: the exported model.
            model_blessing: the evaluator's verdict on it.
            serving_dir: the folder that model servers watch.
            code_version: digest of the code, for the cache key.
        """
        super().__init__(
            PusherSpec(
                model=model,
                model_blessing=model_blessing,
                serving_dir=serving_dir,
                code_version=code_version,
                pushed_model=Channel(type=standard_artifacts.PushedModel),
            )
        )
