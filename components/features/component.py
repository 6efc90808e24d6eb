"""FeatureTransform: what it takes and gives."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types.channel import Channel

from shardline.components.features.executor import Executor
from shardline.configs.schema import Preprocessing


class FeatureTransformSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of FeatureTransform."""

    PARAMETERS = {
        "preprocessing": component_spec.ExecutionParameter(type=str),
        "cache_folder": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)
    }
    OUTPUTS = {
        "transform_graph": component_spec.ChannelParameter(
            type=standard_artifacts.TransformGraph
        ),
        "transformed_examples": component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
    }


class FeatureTransform(base_beam_component.BaseBeamComponent):
    """Analyses split "train" once, makes the transform graph, transforms all splits.

    What it gives is what TFX's Transform gives, and read in the same ways.
    """

    SPEC_CLASS = FeatureTransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: Channel,
        preprocessing: Preprocessing,
        cache_folder: str,
        code_version: str,
    ):
        """Makes the component.

        Args:
            examples: tf.Examples as gzipped TFRecords; each artifact is a span.
            preprocessing: the features, numbers and tables to preprocess.
            cache_folder: where the counts of spans are kept, for later runs; "" for
                beside the component's artifacts.
            code_version: digest of the code, for the cache key.
        """
        super().__init__(
            FeatureTransformSpec(
                examples=examples,
                preprocessing=preprocessing.model_dump_json(),
                cache_folder=cache_folder,
                code_version=code_version,
                transform_graph=Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=Channel(type=standard_artifacts.Examples),
            )
        )
