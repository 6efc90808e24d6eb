"""What the Trainer component hands to its executor."""

import json
from typing import Any

import pytest
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.contracts.artifacts import LivingVocabulary, SpanPlan
from shardline.components.trainer.component import Trainer
from shardline.configs.schema import (
    Checkpoint,
    ClusterTasks,
    Conduct,
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


TARGET, TRAINING = Target(), Training(batch_size=2, steps=1)


def parameters(
    target: Target = TARGET,
    training: Training = TRAINING,
    **options: Any,
) -> dict[str, Any]:
    """Returns the parameters of a Trainer, which are in the key of the cache."""
    return dict(made(target, training, **options).exec_properties)


def made(
    target: Target = TARGET, training: Training = TRAINING, **options: Any
) -> Trainer:
    return Trainer(
        examples=Channel(standard_artifacts.Examples),
        transformed_examples=Channel(standard_artifacts.Examples),
        transform_graph=Channel(standard_artifacts.TransformGraph),
        feature_set=FEATURES,
        target=target,
        model=Model(),
        training=training,
        parity_examples=7,
        **options,
    )


@pytest.mark.parametrize("example_weight", [None, "times_seen"])
def test_sections_come_back_as_they_were_given(example_weight: str | None) -> None:
    target = Target(label="bought", example_weight=example_weight)
    model, training = Model(), Training(batch_size=2, steps=1)

    given = parameters(target, training)

    assert FeatureSet.model_validate_json(given["feature_set"]) == FEATURES
    assert Target.model_validate_json(given["target"]) == target
    assert Model.model_validate_json(given["model"]) == model
    assert Training.model_validate_json(given["training"]) == training
    assert given["parity_examples"] == 7


def test_plan_and_vocabularies_are_inputs_where_data_comes_in_spans() -> None:
    given = {"plan": Channel(SpanPlan), "vocabularies": Channel(LivingVocabulary)}
    assert parameters(**given) == parameters()
    trainer = made(**given)
    assert trainer.inputs.keys() - made().inputs.keys() == given.keys()


SAVED_OFTEN = Training(batch_size=2, steps=1, checkpoint=Checkpoint(every_steps=1))


def test_when_sets_are_saved_is_not_in_the_key_of_the_cache() -> None:
    assert parameters(training=SAVED_OFTEN) == parameters()


def test_conduct_is_a_parameter_where_nothing_lies_beside_outputs() -> None:
    given = parameters(training=SAVED_OFTEN, conduct_as_parameter=True)

    assert Conduct.model_validate_json(given["conduct"]) == SAVED_OFTEN.conduct
    assert parameters(training=SAVED_OFTEN)["conduct"] == ""


def test_cluster_has_the_key_of_as_many_logical_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = {"chief": ["one:1"], "worker": ["two:2", "three:3"]}
    task = {"type": "chief", "index": 0}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    named = ClusterTasks(chief="one:1", workers=["two:2", "three:3"])

    def key(**where: Any) -> dict[str, Any]:
        return parameters(training=Training(batch_size=2, steps=1, **where))

    assert key(hosts=2) == key(cluster=named) == key(cluster="TF_CONFIG")
    assert key(hosts=3) != key(cluster=named)


def test_tpu_has_a_key_of_its_own_whatever_its_name() -> None:
    def key(**where: Any) -> dict[str, Any]:
        return parameters(training=Training(batch_size=2, steps=1, **where))

    assert key(tpu="local") == key(tpu="my-tpu") != key()
    assert Training.model_validate_json(key(tpu="my-tpu")["training"]).tpu == "local"
