"""What the Pusher component hands to its executor."""

from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.contracts.artifacts import (
    ModelComparison,
    ServingValidation,
)
from shardline.components.execution.code_version import code_version
from shardline.components.pusher.component import Pusher
from shardline.components.pusher.executor import Executor
from shardline.configs.schema import Publishing


def test_publishing_comes_back_as_it_was_given() -> None:
    publishing = Publishing(mode="delta", full_every=3)

    component = Pusher(
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        validation=Channel(type=ServingValidation),
        serving_dir="/serving",
        publishing=publishing,
        force="agreed on",
    )

    parameters = dict(component.exec_properties)
    assert Publishing.model_validate_json(parameters.pop("publishing")) == publishing
    assert parameters == {
        "serving_dir": "/serving",
        "force": "agreed on",
        "code_version": code_version(Executor.__module__),
    }
    assert set(component.inputs) == {"model", "model_blessing", "validation"}
    assert component.outputs["pushed_model"].type is standard_artifacts.PushedModel


def test_comparison_is_an_input_where_there_is_one() -> None:
    component = Pusher(
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        validation=Channel(type=ServingValidation),
        comparison=Channel(type=ModelComparison),
        serving_dir="/serving",
        publishing=Publishing(),
        force="",
    )

    assert "comparison" in component.inputs
