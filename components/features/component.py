"""FeatureTransform: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

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
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "transformed_examples": ChannelParameter(type=standard_artifacts.Examples),
    }


class FeatureTransform(base_beam_component.BaseBeamComponent):
    """Analyses split "train" once, makes the transform graph, transforms all splits.

    Its outputs are those of TFX's Transform, and are read in the same ways.
    """

    SPEC_CLASS = FeatureTransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        preprocessing: Preprocessing,
        cache_folder: str,
    ):
        """Makes the component.

        Args:
            examples: tf.Examples as gzipped TFRecords; each artifact is a span.
            preprocessing: what of the feature set the transform graph needs.
            cache_folder: where the counts of spans are kept for later runs; "" keeps
                them beside the component's artifacts.
        """
        derived = preprocessing.derived
        functions = [derived.function] if derived else []
        super().__init__(
            FeatureTransformSpec(
                examples=examples,
                preprocessing=preprocessing.model_dump_json(),
                cache_folder=cache_folder,
                code_version=code_version(Executor.__module__, *functions),
                transform_graph=Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=Channel(type=standard_artifacts.Examples),
            )
        )
