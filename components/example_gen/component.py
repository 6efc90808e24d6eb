"""ReaderExampleGen: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.erasures.reading import ReadErasure
from shardline.components.example_gen.executor import Executor
from shardline.components.execution.code_version import code_version


class ReaderExampleGenSpec(ComponentSpec):
    """Inputs, outputs and parameters of ReaderExampleGen."""

    PARAMETERS = {
        "reader": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "path": ExecutionParameter(type=str),
        "data_version": ExecutionParameter(type=str),
        "erasure": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class ReaderExampleGen(base_beam_component.BaseBeamComponent):
    """Reads raw data with a `readers.example_reader.ExampleReader` into Examples."""

    SPEC_CLASS = ReaderExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        reader: str,
        options: str,
        path: str,
        data_version: str,
        erasure: ReadErasure,
    ):
        """Makes the component.

        Args:
            reader: import path of the reader.
            options: the reader's options, as JSON.
            path: the location of the raw data, passed to the reader.
            data_version: digest of the raw data, for the cache key.
            erasure: where to look what was erased and is to be left out.
        """
        super().__init__(
            ReaderExampleGenSpec(
                reader=reader,
                options=options,
                path=path,
                data_version=data_version,
                erasure=erasure.as_parameter(),
                code_version=code_version(Executor.__module__, reader),
                examples=Channel(type=standard_artifacts.Examples),
            )
        )
