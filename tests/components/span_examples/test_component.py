"""What SpanExamples hands to its executor."""

from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.contracts.artifacts import SpanPlan
from shardline.components.contracts.erasures.reading import ReadErasure
from shardline.components.execution.code_version import code_version
from shardline.components.span_examples.component import SpanExamples
from shardline.components.span_examples.executor import Executor
from shardline.configs.features import Target

READER = "shardline.components.readers.movielens.MovieLens100K"


def test_all_that_decides_on_examples_is_a_parameter() -> None:
    erasure = ReadErasure(serving_dir="served", columns={}, read=("a",))
    target = Target(label="label")
    component = SpanExamples(
        plan=Channel(type=SpanPlan),
        reader=READER,
        options="{}",
        path="/data",
        store="",
        target=target,
        time_column=None,
        held_out=0.2,
        erasure=erasure,
    )

    assert dict(component.exec_properties) == {
        "reader": READER,
        "options": "{}",
        "path": "/data",
        "store": "",
        "target": target.as_parameter(),
        "time_column": "",
        "held_out": 0.2,
        "erasure": erasure.as_parameter(),
        "code_version": code_version(Executor.__module__, READER),
    }
    assert component.outputs["examples"].type is standard_artifacts.Examples
