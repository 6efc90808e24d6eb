"""What StatisticsGen hands to its executor."""

from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.execution.code_version import code_version
from shardline.components.statistics_gen.component import StatisticsGen
from shardline.components.statistics_gen.executor import Executor


def test_component_has_the_name_and_outputs_of_tfx() -> None:
    component = StatisticsGen(examples=Channel(type=standard_artifacts.Examples))

    assert component.id == "StatisticsGen"
    version = code_version(Executor.__module__)
    assert dict(component.exec_properties) == {"code_version": version}
    statistics = component.outputs["statistics"]
    assert statistics.type is standard_artifacts.ExampleStatistics
