"""The graph of components, and what each is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.configs import load_run
from shardline.pipeline.pipeline import create_pipeline


@pytest.fixture
def parameters_of(small_config: Callable[..., Path]) -> Callable[..., dict[str, Any]]:
    """The parameters of each component, for a changed configuration."""

    def parameters(force: str = "", **replaced: str) -> dict[str, Any]:
        pipeline = create_pipeline(
            load_run(small_config(**replaced)),
            pipeline_root="/pipeline",
            data_path="/data",
            data_version="1",
            serving_dir="/serving",
            force=force,
        )
        return {node.id: dict(node.exec_properties) for node in pipeline.components}

    return parameters


def test_pipeline_has_every_component_once(
    parameters_of: Callable[..., dict[str, Any]],
) -> None:
    assert sorted(parameters_of()) == [
        "Evaluator",
        "ExampleValidator",
        "Exporter",
        "FeatureTransform",
        "Pusher",
        "ReaderExampleGen",
        "ReaderSchemaGen",
        "ServingValidator",
        "StatisticsGen",
        "Trainer",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"steps": "40"}, ["Trainer"]),
        ({"hidden_units": "[8]}"}, ["Trainer"]),
        ({"min_auc": "0.9"}, ["Evaluator"]),
        ({"user": "{dim: 16, optimizer: {sgd: {}}}"}, ["Trainer"]),
        (
            {"user": "{dim: 8, oov_rows: 2, optimizer: {sgd: {}}}"},
            ["FeatureTransform", "Trainer"],
        ),
        (
            {"options": "{eval_fraction: 0.5, history_length: 10}"},
            ["ReaderExampleGen", "ReaderSchemaGen"],
        ),
        (
            {"parity_examples": "200\n  tables: {movie: int8}"},
            ["Exporter", "ServingValidator"],
        ),
        ({"parity_examples": "200\n  max_bytes: 1000"}, ["ServingValidator"]),
        ({"force": "agreed on"}, ["Pusher"]),
    ],
    ids=str,
)
def test_change_is_told_to_the_components_that_depend_on_it_alone(
    parameters_of: Callable[..., dict[str, Any]],
    change: dict[str, str],
    told: list[str],
) -> None:
    before = parameters_of()

    after = parameters_of(**change)

    assert sorted(name for name in before if before[name] != after[name]) == told


@pytest.mark.parametrize(
    ("metadata_path", "told"),
    [("/run/metadata.sqlite", False), (None, True)],
    ids=str,
)
def test_when_sets_are_saved_is_a_parameter_only_where_a_run_has_no_folder(
    small_config: Callable[..., Path], metadata_path: str | None, told: bool
) -> None:
    def trainer(hosts: str) -> dict[str, Any]:
        pipeline = create_pipeline(
            load_run(small_config(hosts=hosts)),
            pipeline_root="/pipeline",
            data_path="/data",
            data_version="1",
            serving_dir="/serving",
            metadata_path=metadata_path,
        )
        (node,) = [node for node in pipeline.components if node.id == "Trainer"]
        return dict(node.exec_properties)

    changed = trainer("2\n  checkpoint: {every_steps: 5}") != trainer("2")

    assert changed == told


def test_pusher_waits_for_both_verdicts(small_config: Callable[..., Path]) -> None:
    pipeline = create_pipeline(
        load_run(small_config()),
        pipeline_root="/pipeline",
        data_path="/data",
        data_version="1",
        serving_dir="/serving",
    )

    (pusher,) = [node for node in pipeline.components if node.id == "Pusher"]

    assert {node.id for node in pusher.upstream_nodes} == {
        "Evaluator",
        "Exporter",
        "ServingValidator",
    }


def test_data_in_spans_has_steps_of_its_own(spans_config: Path) -> None:
    pipeline = create_pipeline(
        load_run(spans_config),
        pipeline_root="/pipeline",
        data_path="/data",
        data_version="1",
        serving_dir="/serving",
    )

    assert sorted(node.id for node in pipeline.components) == [
        "Evaluator",
        "ExampleValidator",
        "Exporter",
        "FeatureTransform",
        "ModelComparator",
        "Pusher",
        "ReaderSchemaGen",
        "ServingValidator",
        "SpanExamples",
        "SpanPlanner",
        "SpanRecorder",
        "SpanStatistics",
        "Trainer",
    ]
    recorder = next(node for node in pipeline.components if node.id == "SpanRecorder")
    assert "Pusher" in {node.id for node in recorder.upstream_nodes}


def test_whole_data_is_compared_with_the_model_in_service_if_asked(
    parameters_of: Callable[..., dict[str, Any]],
) -> None:
    asked = parameters_of(min_auc="0.55\n  regression: {auc: 0.01}")

    assert set(asked) - set(parameters_of()) == {"ModelComparator"}
    assert '"auc":0.01' in asked["ModelComparator"]["evaluation"]
