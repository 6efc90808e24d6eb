"""Exporter: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import HostShardedCheckpoint
from shardline.components.execution.code_version import code_version
from shardline.components.exporter.executor import Executor
from shardline.configs.schema import Serving

# The keys of `serving` that change the exported model; the others judge it.
_OF_THE_MODEL = {"tables", "max_entropy_increase", "warmup_requests"}


class ExporterSpec(ComponentSpec):
    """Inputs, outputs and parameters of Exporter."""

    PARAMETERS = {
        "model_name": ExecutionParameter(type=str),
        "serving": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        "checkpoint": ChannelParameter(type=HostShardedCheckpoint),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}


class Exporter(base_component.BaseComponent):
    """Exports a host-sharded checkpoint as a SavedModel that scores as it did."""

    SPEC_CLASS = ExporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        checkpoint: BaseChannel,
        transform_graph: BaseChannel,
        examples: BaseChannel,
        model_name: str,
        serving: Serving,
    ):
        """Makes the component.

        Args:
            checkpoint: the trainer's.
            transform_graph: the graph that made its training data.
            examples: raw examples. Their evaluation split measures what tables of less
                precision than float32 cost.
            model_name: the name requests use.
            serving: how the model holds its tables, and how it warms up.
        """
        super().__init__(
            ExporterSpec(
                checkpoint=checkpoint,
                transform_graph=transform_graph,
                examples=examples,
                model_name=model_name,
                serving=serving.model_dump_json(include=_OF_THE_MODEL),
                code_version=code_version(Executor.__module__),
                model=Channel(type=standard_artifacts.Model),
            )
        )
