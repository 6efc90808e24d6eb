"""How many worker processes are worth their start."""

from pathlib import Path

import pytest

from shardline.components.execution.worker_processes import number
from shardline.components.execution.worker_processes.number import (
    number_of_workers,
    usable_cores,
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


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("200000 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("max 1", 4)],
)
def test_share_of_a_container_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, cores: int
) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(number, "_QUOTA_FILE", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})

    assert usable_cores() == cores


def test_one_worker_is_the_process_itself() -> None:
    assert worker_options(1) == []
    assert worker_options(3)[-1] == "--direct_num_workers=3"
