"""What the Exporter component hands to its executor."""

import json
from typing import Any

import pytest
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.contracts.artifacts import HostShardedCheckpoint
from shardline.components.exporter.component import Exporter
from shardline.configs.schema import Serving


def parameters_of(**serving: Any) -> dict[str, Any]:
    component = Exporter(
        checkpoint=Channel(type=HostShardedCheckpoint),
        transform_graph=Channel(type=standard_artifacts.TransformGraph),
        examples=Channel(type=standard_artifacts.Examples),
        model_name="clicks",
        serving=Serving(**serving),
    )
    assert set(component.outputs) == {"model"}
    return dict(component.exec_properties)


def test_serving_comes_back_as_far_as_it_makes_the_model() -> None:
    parameters = parameters_of(tables="int8", warmup_requests=3)

    assert parameters["model_name"] == "clicks"
    serving = Serving.model_validate_json(parameters["serving"])
    assert (serving.tables, serving.warmup_requests) == ("int8", 3)
    assert set(json.loads(parameters["serving"])) == {
        "tables",
        "max_entropy_increase",
        "warmup_requests",
    }


@pytest.mark.parametrize(
    "limit", [{"max_bytes": 10}, {"max_difference": 0.5}, {"parity_examples": 7}]
)
def test_limits_that_judge_a_model_do_not_export_it_again(
    limit: dict[str, Any],
) -> None:
    assert parameters_of(**limit) == parameters_of()
