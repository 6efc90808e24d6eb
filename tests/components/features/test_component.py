"""What the FeatureTransform component hands to its executor."""

from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.features.component import FeatureTransform
from shardline.configs.column import Column
from shardline.configs.schema import Feature, FeatureSet, Preprocessing, Table, Target

FEATURE_SET = {
    "features": {"user": Feature(table="user")},
    "tables": {"user": Table(dim=4)},
}
TARGET = Target(label="bought")


def transform_of(preprocessing: Preprocessing) -> FeatureTransform:
    return FeatureTransform(
        examples=Channel(type=standard_artifacts.Examples),
        preprocessing=preprocessing,
        cache_folder="cache",
    )


def test_preprocessing_comes_back_as_it_was_given() -> None:
    preprocessing = FeatureSet(**FEATURE_SET).preprocessing(TARGET)

    component = transform_of(preprocessing)

    given = component.exec_properties["preprocessing"]
    assert Preprocessing.model_validate_json(given) == preprocessing
    assert component.exec_properties["cache_folder"] == "cache"
    assert set(component.inputs) == {"examples"}
    outputs = {name: channel.type for name, channel in component.outputs.items()}
    assert outputs == {
        "transform_graph": standard_artifacts.TransformGraph,
        "transformed_examples": standard_artifacts.Examples,
    }


def test_code_of_a_derived_function_is_in_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    source = tmp_path / "derived_for_the_key.py"
    source.write_text("def derive(columns):\n    return {}\n")
    feature_set = FeatureSet(
        **FEATURE_SET,
        derived={
            "function": "derived_for_the_key.derive",
            "inputs": {"name": Column("string")},
            "outputs": {"user": Column("string")},
        },
    )
    preprocessing = feature_set.preprocessing(TARGET)
    before = dict(transform_of(preprocessing).exec_properties)

    source.write_text("def derive(columns):\n    return columns\n")

    after = dict(transform_of(preprocessing).exec_properties)
    assert before.pop("code_version") != after.pop("code_version")
    assert before == after
