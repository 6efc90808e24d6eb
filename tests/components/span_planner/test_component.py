"""What SpanPlanner hands to its executor."""

from shardline.components.contracts.artifacts import SpanPlan
from shardline.components.execution.code_version import code_version
from shardline.components.span_planner.choice import Settings
from shardline.components.span_planner.component import SpanPlanner
from shardline.components.span_planner.executor import Executor
from shardline.configs.schema import Data, Evaluation, Spans

READER = "shardline.components.readers.movielens.MovieLens100K"


def test_settings_that_decide_are_parameters_and_others_are_not() -> None:
    data = Data(reader=READER, path="ratings.zip", spans=Spans(window=3))

    component = SpanPlanner(
        name="shop",
        data=data,
        evaluation=Evaluation(min_auc=0.7),
        warm_start=True,
        reader=READER,
        options="{}",
        path="ratings.zip",
        serving_dir="serving",
        known_by="0123",
    )

    parameters = dict(component.exec_properties)
    settings = Settings.model_validate_json(parameters.pop("settings"))
    assert settings == Settings(spans=Spans(window=3))
    assert parameters == {
        "name": "shop",
        "reader": READER,
        "options": "{}",
        "path": "ratings.zip",
        "serving_dir": "serving",
        "known_by": "0123",
        "code_version": code_version(Executor.__module__, READER),
    }
    assert component.outputs["plan"].type is SpanPlan
