"""ReaderExampleGen: what it takes and gives."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types.channel import Channel

from shardline.components.example_gen.executor import Executor


class ReaderExampleGenSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of ReaderExampleGen."""

    PARAMETERS = {
        "reader": component_spec.ExecutionParameter(type=str),
        "options": component_spec.ExecutionParameter(type=str),
        "path": component_spec.ExecutionParameter(type=str),
        "data_version": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)
    }


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
        code_version: str,
    ):
        """Makes the component.

        Args:
            reader: import path of the reader.
            options: its arguments, as JSON.
            path: the raw data, passed to the reader.
            data_version: digest of the raw data, for the cache key.
            code_version: digest of the code, for the cache key.
        """
        super().__init__(
            ReaderExampleGenSpec(
                reader=reader,
                options=options,
                path=path,
                data_version=data_version,
                code_version=code_version,
                examples=Channel(type=standard_artifacts.Examples),
            )
        )
