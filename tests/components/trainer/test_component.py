"""What the Trainer component hands to its executor."""

import pytest
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.trainer.component import Trainer
from shardline.configs.schema import (
    Feature,
    FeatureSet,
    Model,
    Number,
    Table,
    Target,
    Training,
)

FEATURES = FeatureSet(
    features={"user": Feature(table="user")},
    numbers={"age": Number(scale="z_score")},
    tables={"user": Table(dim=4)},
)


@pytest.mark.parametrize("example_weight", [None, "times_seen"])
def test_sections_come_back_as_they_were_given(example_weight: str | None) -> None:
    target = Target(label="bought", example_weight=example_weight)
    model, training = Model(), Training(batch_size=2, steps=1)

    trainer = Trainer(
        examples=Channel(standard_artifacts.Examples),
        transformed_examples=Channel(standard_artifacts.Examples),
        transform_graph=Channel(standard_artifacts.TransformGraph),
        feature_set=FEATURES,
        target=target,
        model=model,
        training=training,
        parity_examples=7,
    )

    given = trainer.exec_properties
    assert FeatureSet.model_validate_json(given["feature_set"]) == FEATURES
    assert Target.model_validate_json(given["target"]) == target
    assert Model.model_validate_json(given["model"]) == model
    assert Training.model_validate_json(given["training"]) == training
    assert given["parity_examples"] == 7
