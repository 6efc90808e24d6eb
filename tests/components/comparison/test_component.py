"""What the ModelComparator component hands to its executor."""

from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.comparison.component import ModelComparator
from shardline.components.comparison.executor import Executor
from shardline.components.contracts.artifacts import (
    LivingVocabulary,
    ModelComparison,
    SpanPlan,
)
from shardline.components.execution.code_version import code_version
from shardline.configs.schema import Evaluation, FeatureSet, Regression, Target

EVALUATION = Evaluation(min_auc=0.6, regression=Regression(auc=0.01))
FEATURES = FeatureSet.model_validate(
    {"features": {"user": {"table": "user"}}, "tables": {"user": {"dim": 4}}}
)


def component(**optional: Channel) -> ModelComparator:
    return ModelComparator(
        examples=Channel(type=standard_artifacts.Examples),
        model=Channel(type=standard_artifacts.Model),
        serving_dir="/serving",
        evaluation=EVALUATION,
        target=Target(label="click"),
        feature_set=FEATURES,
        **optional,
    )


def test_settings_come_back_as_they_were_given() -> None:
    made = component()

    parameters = dict(made.exec_properties)
    assert Evaluation.model_validate_json(parameters.pop("evaluation")) == EVALUATION
    assert FeatureSet.model_validate_json(parameters.pop("feature_set")) == FEATURES
    assert parameters == {
        "serving_dir": "/serving",
        "target": Target(label="click").as_parameter(),
        "code_version": code_version(Executor.__module__),
    }
    assert set(made.inputs) == {"examples", "model"}
    assert made.outputs["comparison"].type is ModelComparison


def test_run_in_spans_gives_plan_and_vocabularies() -> None:
    made = component(
        plan=Channel(type=SpanPlan), vocabularies=Channel(type=LivingVocabulary)
    )

    assert set(made.inputs) == {"examples", "model", "plan", "vocabularies"}
