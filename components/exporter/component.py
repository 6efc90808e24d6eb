"""Exporter: what it takes and gives."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import HostShardedCheckpoint
from shardline.components.exporter.executor import Executor
from shardline.configs.schema import Serving

# What `serving` says of an exported model; the rest is up to who judges it.
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
    """Exports a host-sharded checkpoint as a SavedModel that answers alike."""

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
        code_version: str,
    ):
        """Makes the component.

        Args:
            checkpoint: what the trainer learnt.
            transform_graph: the graph that made its training data.
            examples: raw examples, of which the evaluation split tells how well the
                model answers with tables in other precisions than float32.
            model_name: the name requests use.
            serving: how the model holds its tables, and how it warms up.
            code_version: digest of the code, for the cache key.
        """
        super().__init__(
            ExporterSpec(
                checkpoint=checkpoint,
                transform_graph=transform_graph,
                examples=examples,
                model_name=model_name,
                serving=serving.model_dump_json(include=_OF_THE_MODEL),
                code_version=code_version,
                model=Channel(type=standard_artifacts.Model),
            )
        )
