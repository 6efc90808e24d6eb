"""ReaderSchemaGen: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.execution.code_version import code_version
from shardline.components.schema_gen.executor import Executor


class ReaderSchemaGenSpec(ComponentSpec):
    """Inputs, outputs and parameters of ReaderSchemaGen."""

    PARAMETERS = {
        "reader": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"schema": ChannelParameter(type=standard_artifacts.Schema)}


class ReaderSchemaGen(base_component.BaseComponent):
    """Writes the schema that a reader's columns promise, to validate examples by."""

    SPEC_CLASS = ReaderSchemaGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, reader: str, options: str):
        """Makes the component.

        Args:
            reader: import path of the reader.
            options: the reader's options, as JSON.
        """
        super().__init__(
            ReaderSchemaGenSpec(
                reader=reader,
                options=options,
                code_version=code_version(Executor.__module__, reader),
                schema=Channel(type=standard_artifacts.Schema),
            )
        )
