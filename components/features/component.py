"""FeatureTransform: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import LivingVocabulary, SpanPlan
from shardline.components.execution.code_version import code_version
from shardline.components.features.executor import Executor
from shardline.configs.schema import Preprocessing


class FeatureTransformSpec(ComponentSpec):
    """Inputs, outputs and parameters of FeatureTransform."""

    PARAMETERS = {
        "preprocessing": ExecutionParameter(type=str),
        "cache_folder": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "plan": ChannelParameter(type=SpanPlan, optional=True),
    }
    OUTPUTS = {
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "transformed_examples": ChannelParameter(type=standard_artifacts.Examples),
        "vocabularies": ChannelParameter(type=LivingVocabulary, optional=True),
    }


class FeatureTransform(base_beam_component.BaseBeamComponent):
    """Analyses split "train" once, makes the transform graph, transforms all splits.

    Its outputs are those of TFX's Transform, and are read in the same ways. Where data
    comes in spans, the vocabularies as they live are one more.
    """

    SPEC_CLASS = FeatureTransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        preprocessing: Preprocessing,
        cache_folder: str,
        plan: BaseChannel | None = None,
    ):
        """Makes the component.

        Args:
            examples: tf.Examples as gzipped TFRecords; each artifact is a span.
            preprocessing: what of the feature set the transform graph needs.
            cache_folder: where the counts of spans are kept for later runs; "" keeps
                them beside the component's artifacts.
            plan: which spans the examples are, and what vocabularies go on from; None:
                the data does not come in spans.
        """
        derived = preprocessing.derived
        functions = [derived.function] if derived else []
        in_spans = {}
        if plan is not None:
            in_spans = {"plan": plan, "vocabularies": Channel(type=LivingVocabulary)}
        super().__init__(
            FeatureTransformSpec(
                examples=examples,
                preprocessing=preprocessing.as_parameter(),
                cache_folder=cache_folder,
                code_version=code_version(Executor.__module__, *functions),
                transform_graph=Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=Channel(type=standard_artifacts.Examples),
                **in_spans,
            )
        )
