"""SpanStatistics: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.execution.code_version import code_version
from shardline.components.span_statistics.executor import Executor


class SpanStatisticsSpec(ComponentSpec):
    """Inputs, outputs and parameters of SpanStatistics."""

    PARAMETERS = {
        "store": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics)
    }


class SpanStatistics(base_beam_component.BaseBeamComponent):
    """Computes the statistics of each span of SpanExamples once.

    Its output is that of TFX's StatisticsGen, with a split for each part of a span.
    """

    SPEC_CLASS = SpanStatisticsSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, *, examples: BaseChannel, store: str):
        """Makes the component.

        Args:
            examples: of SpanExamples.
            store: where statistics are kept for later runs; "" keeps them beside the
                component's artifacts.
        """
        super().__init__(
            SpanStatisticsSpec(
                examples=examples,
                store=store,
                code_version=code_version(Executor.__module__),
                statistics=Channel(type=standard_artifacts.ExampleStatistics),
            )
        )
