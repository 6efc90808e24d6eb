"""What the ServingValidator component hands to its executor."""

from typing import Any

from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.contracts.artifacts import ServingValidation
from shardline.components.execution.code_version import code_version
from shardline.components.validator.component import ServingValidator
from shardline.components.validator.executor import Executor
from shardline.configs.schema import Serving


def test_component_takes_what_the_model_must_pass() -> None:
    serving = Serving(max_bytes=10)

    component = ServingValidator(
        model=Channel(type=standard_artifacts.Model), serving=serving
    )

    parameters: dict[str, Any] = dict(component.exec_properties)
    assert parameters == {
        "serving": serving.as_parameter(),
        "code_version": code_version(Executor.__module__),
    }
    assert set(component.inputs) == {"model"}
    assert component.outputs["validation"].type is ServingValidation
