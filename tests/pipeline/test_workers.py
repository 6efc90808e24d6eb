"""Who says how many worker processes a component gets."""

from types import SimpleNamespace
from typing import Any

import pytest
from tfx.types.standard_artifacts import Examples

from shardline.pipeline import workers
from shardline.pipeline.workers import workers_of

pytestmark = pytest.mark.orchestration


def execution(component: str, read: str | None = None, **examples: int) -> Any:
    """An execution of a component that is given examples, and may read some splits."""
    artifact = Examples()
    artifact.splits = list(examples)
    for split, count in examples.items():
        artifact.set_int_custom_property(f"examples_{split}", count)
    node = SimpleNamespace(node_info=SimpleNamespace(id=component))
    return SimpleNamespace(
        pipeline_node=node,
        input_dict={"examples": [artifact]},
        exec_properties={"example_splits": read} if read else {},
    )


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "usable_cores", lambda: 8)


def test_configuration_says_it() -> None:
    evaluator = execution("Evaluator", eval=10)

    assert workers_of(evaluator, {"default": 3}) == 3
    assert workers_of(evaluator, {"default": 3, "Evaluator": 1}) == 1
    assert workers_of(execution("FeatureTransform"), {"default": 3}) == 1


def test_else_the_largest_split_that_it_reads_does() -> None:
    sizes = {"train": 600_000, "eval": 2}

    assert workers_of(execution("StatisticsGen", **sizes), {}) == 2
    assert workers_of(execution("Evaluator", '["eval"]', **sizes), {}) == 1
    assert workers_of(execution("Evaluator", '["eval"]', eval=300_000), {}) == 3
    assert workers_of(execution("Evaluator", '["eval"]', train=600_000), {}) == 1


@pytest.mark.parametrize(
    "option", ["--direct_num_workers=2", "--direct_running_mode=in_memory"]
)
def test_options_of_beam_are_left_to_say_it(option: str) -> None:
    evaluator = execution("Evaluator", eval=1_000_000)

    assert workers_of(evaluator, {}, ["--a", option]) == 1
