"""What SpanStatistics hands to its executor."""

from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.execution.code_version import code_version
from shardline.components.span_statistics.component import SpanStatistics
from shardline.components.span_statistics.executor import Executor


def test_store_is_a_parameter() -> None:
    examples = Channel(type=standard_artifacts.Examples)
    component = SpanStatistics(examples=examples, store="kept")

    assert dict(component.exec_properties) == {
        "store": "kept",
        "code_version": code_version(Executor.__module__),
    }
    statistics = component.outputs["statistics"]
    assert statistics.type is standard_artifacts.ExampleStatistics
