"""What SpanRecorder hands to its executor."""

from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.contracts.artifacts import (
    HostShardedCheckpoint,
    LivingVocabulary,
    ModelComparison,
    SpanPlan,
)
from shardline.components.execution.code_version import code_version
from shardline.components.span_recorder.component import SpanRecorder
from shardline.components.span_recorder.executor import Executor


def test_state_is_found_by_name_and_folder() -> None:
    inputs = {
        "plan": SpanPlan,
        "examples": standard_artifacts.Examples,
        "transform_graph": standard_artifacts.TransformGraph,
        "vocabularies": LivingVocabulary,
        "checkpoint": HostShardedCheckpoint,
        "model": standard_artifacts.Model,
        "comparison": ModelComparison,
        "pushed_model": standard_artifacts.PushedModel,
    }

    component = SpanRecorder(
        name="shop",
        serving_dir="serving",
        **{key: Channel(type=kind) for key, kind in inputs.items()},
    )

    assert dict(component.exec_properties) == {
        "name": "shop",
        "serving_dir": "serving",
        "code_version": code_version(Executor.__module__),
    }
    assert set(component.inputs) == set(inputs)
    assert not component.outputs
