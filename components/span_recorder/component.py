"""SpanRecorder: its inputs and parameters."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import (
    HostShardedCheckpoint,
    LivingVocabulary,
    ModelComparison,
    SpanPlan,
)
from shardline.components.execution.code_version import code_version
from shardline.components.span_recorder.executor import Executor


class SpanRecorderSpec(ComponentSpec):
    """Inputs and parameters of SpanRecorder."""

    PARAMETERS = {
        "name": ExecutionParameter(type=str),
        "serving_dir": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        "plan": ChannelParameter(type=SpanPlan),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "vocabularies": ChannelParameter(type=LivingVocabulary),
        "checkpoint": ChannelParameter(type=HostShardedCheckpoint),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "comparison": ChannelParameter(type=ModelComparison),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS: dict[str, ChannelParameter] = {}


class SpanRecorder(base_component.BaseComponent):
    """Writes what a run in spans has done beside the published models."""

    SPEC_CLASS = SpanRecorderSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        name: str,
        plan: BaseChannel,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        vocabularies: BaseChannel,
        checkpoint: BaseChannel,
        model: BaseChannel,
        comparison: BaseChannel,
        pushed_model: BaseChannel,
        serving_dir: str,
    ):
        """Makes the component.

        Args:
            name: of the run.
            plan: what the run does.
            examples: the spans that it has read.
            transform_graph: the graph that made its training data.
            vocabularies: those of the checkpoint.
            checkpoint: what it has trained.
            model: what it has exported.
            comparison: the model beside others.
            pushed_model: what became of it.
            serving_dir: the folder of published models, with the state.
        """
        super().__init__(
            SpanRecorderSpec(
                name=name,
                plan=plan,
                examples=examples,
                transform_graph=transform_graph,
                vocabularies=vocabularies,
                checkpoint=checkpoint,
                model=model,
                comparison=comparison,
                pushed_model=pushed_model,
                serving_dir=serving_dir,
                code_version=code_version(Executor.__module__),
            )
        )
