"""StatisticsGen: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.execution.code_version import code_version
from shardline.components.statistics_gen.executor import Executor


class StatisticsGenSpec(ComponentSpec):
    """Inputs, outputs and parameters of StatisticsGen."""

    PARAMETERS = {"code_version": ExecutionParameter(type=str)}
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics)
    }


class StatisticsGen(base_beam_component.BaseBeamComponent):
    """Computes the statistics of each split.

    Its output is that of TFX's StatisticsGen, which reads examples one by one.
    """

    SPEC_CLASS = StatisticsGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, *, examples: BaseChannel):
        """Makes the component.

        Args:
            examples: of ReaderExampleGen.
        """
        super().__init__(
            StatisticsGenSpec(
                examples=examples,
                code_version=code_version(Executor.__module__),
                statistics=Channel(type=standard_artifacts.ExampleStatistics),
            )
        )
