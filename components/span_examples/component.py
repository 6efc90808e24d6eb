"""SpanExamples: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import SpanPlan
from shardline.components.contracts.erasures.reading import ReadErasure
from shardline.components.execution.code_version import code_version
from shardline.components.span_examples.executor import Executor
from shardline.configs.features import Target


class SpanExamplesSpec(ComponentSpec):
    """Inputs, outputs and parameters of SpanExamples."""

    PARAMETERS = {
        "reader": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "path": ExecutionParameter(type=str),
        "store": ExecutionParameter(type=str),
        "target": ExecutionParameter(type=str),
        "time_column": ExecutionParameter(type=str),
        "held_out": ExecutionParameter(type=float),
        "erasure": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {"plan": ChannelParameter(type=SpanPlan)}
    OUTPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class SpanExamples(base_beam_component.BaseBeamComponent):
    """Gives the examples of planned spans, each of which is read once.

    Split "train" has the spans to train on, split "eval" the one to judge on.
    """

    SPEC_CLASS = SpanExamplesSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        plan: BaseChannel,
        reader: str,
        options: str,
        path: str,
        store: str,
        target: Target,
        time_column: str | None,
        held_out: float,
        erasure: ReadErasure,
    ):
        """Makes the component.

        Args:
            plan: a SpanPlan.
            reader: import path of a `readers.span_reader.SpanReader`.
            options: the reader's options, as JSON.
            path: the location of the raw data, passed to the reader.
            store: where spans are kept for later runs; "" keeps them beside the
                component's artifacts.
            target: what is predicted.
            time_column: a column of times, by which spans are parted into head and
                tail; None: they are not.
            held_out: the part of a span's examples, by time, that is its tail.
            erasure: where to look what was erased and is to be left out.
        """
        super().__init__(
            SpanExamplesSpec(
                plan=plan,
                reader=reader,
                options=options,
                path=path,
                store=store,
                target=target.as_parameter(),
                time_column=time_column or "",
                held_out=held_out,
                erasure=erasure.as_parameter(),
                code_version=code_version(Executor.__module__, reader),
                examples=Channel(type=standard_artifacts.Examples),
            )
        )
