"""How many worker processes are worth their start."""

import pytest

from shardline.components.execution.worker_processes.number import (
    number_of_workers,
    worker_options,
)

pytestmark = pytest.mark.orchestration


@pytest.mark.parametrize(
    ("component", "examples", "cores", "workers"),
    [
        ("Evaluator", 199_999, 8, 1),
        ("Evaluator", 200_000, 8, 2),
        ("Evaluator", 10_000_000, 8, 8),
        ("Evaluator", 10_000_000, 1, 1),
        ("StatisticsGen", 599_999, 8, 1),
        ("SpanStatistics", 900_000, 8, 3),
        ("FeatureTransform", 10_000_000, 8, 1),
    ],
)
def test_each_worker_has_enough_to_do_and_a_core(
    component: str, examples: int, cores: int, workers: int
) -> None:
    assert number_of_workers(component, examples, cores) == workers


def test_one_worker_is_the_process_itself() -> None:
    assert worker_options(1) == []
    assert worker_options(3)[-1] == "--direct_num_workers=3"
