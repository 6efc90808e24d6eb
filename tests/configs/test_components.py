"""The ids of components, held against the pipeline itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tfx import v1 as tfx
from tfx.dsl.components.base import executor_spec

from shardline.configs import load_run
from shardline.configs.components import BEAM_COMPONENTS, COMPONENTS, components_of
from shardline.pipeline.pipeline import create_pipeline

pytestmark = pytest.mark.orchestration
COMPARED = "min_auc: 0.55\n  regression: {auc: 0.01}"


def pipeline_of(config: Path) -> tfx.dsl.Pipeline:
    return create_pipeline(
        load_run(config),
        pipeline_root="/root",
        data_path="/data",
        data_version="1",
        serving_dir="/serving",
    )


def test_components_of_whole_data_are_those_of_the_pipeline(
    small_config: Callable[..., Path],
) -> None:
    for config, compares in ((small_config(), False), (small_config(), True)):
        if compares:
            text = config.read_text()
            config.write_text(text.replace("min_auc: 0.55", COMPARED))
        pipeline = pipeline_of(config)

        named = load_run(config).components

        assert {component.id for component in pipeline.components} == set(named)
        assert named == components_of(in_spans=False, compares=compares)


def test_components_of_spans_are_those_of_the_pipeline(spans_config: Path) -> None:
    pipeline = pipeline_of(spans_config)

    named = load_run(spans_config).components

    assert {component.id for component in pipeline.components} == set(named)
    assert len(named) == len(set(named)) == 13


def test_no_component_is_named_that_no_pipeline_has() -> None:
    of_all = {
        *components_of(in_spans=True, compares=True),
        *components_of(in_spans=False, compares=True),
    }

    assert of_all == set(COMPONENTS)


def test_components_of_beam_are_those_that_run_in_it(
    small_config: Callable[..., Path], spans_config: Path
) -> None:
    in_beam = {
        component.id
        for config in (small_config(), spans_config)
        for component in pipeline_of(config).components
        if isinstance(component.executor_spec, executor_spec.BeamExecutorSpec)
    }

    assert in_beam == set(BEAM_COMPONENTS)
