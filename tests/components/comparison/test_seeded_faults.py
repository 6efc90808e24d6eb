"""Each seeded fault is blocked by the gate that is there for it; a clean run passes."""

import importlib
from typing import Any

import pytest

from shardline.components.contracts.spans.comparison import Comparison

trials = importlib.import_module("benchmarks.continuous.trials")
world = importlib.import_module("benchmarks.continuous.world")
Fault = trials.Fault


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A world with a model in service."""
    return trials.Trials(world.World(1), tmp_path_factory.mktemp("trials"))


def closed(comparison: Comparison) -> list[str]:
    return [gate.gate for gate in comparison.closed]


def test_clean_run_passes_and_is_better_than_the_model_in_service(trial: Any) -> None:
    comparison = trial.judged()

    assert closed(comparison) == []
    assert len(comparison.gates) == 11
    change = comparison.slices[0].differences["in_service"]["auc"]
    assert change.interval.low > 0
    assert {"user: new ids", "item: new ids"} <= {s.name for s in comparison.slices}


@pytest.mark.parametrize("name", trials.FAULTS)
def test_fault_is_blocked_by_its_gate(trial: Any, name: str) -> None:
    assert trials.BLOCKED_BY[name] in closed(trial.judged(trials.FAULTS[name]))


def _flipped(_: Any, rows: list[Any]) -> list[Any]:
    return [row | {"label": [1.0 - row["label"][0]]} for row in rows]


def _constant(_: Any, rows: list[Any]) -> list[Any]:
    return [row | {"genre": ["g0"]} for row in rows]


def _first(_: Any, rows: list[Any]) -> list[Any]:
    return rows[: len(rows) // 20]


def _leak_to_train(of: Any, rows: list[Any]) -> list[Any]:
    return world.with_leaked_labels(rows, of.seed)


# What is close to the faults above, and no less wrong.
NEIGHBOURS = {
    "labels the other way round": (Fault(train=_flipped), "regression.auc"),
    "label that leaked in training only": (
        Fault(train=_leak_to_train),
        "regression.auc",
    ),
    "column of one value": (Fault(train=_constant), "data.columns"),
    "a day's data for a month": (Fault(train=_first), "data.examples"),
    "span to judge on that was trained on": (
        Fault(evaluate=lambda of, rows: of.span(4)),
        "data.repeated",
    ),
    "label shift in the span to judge on": (
        Fault(evaluate=lambda of, rows: world.with_shifted_labels(rows, of.seed)),
        "data.label",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbour_of_a_fault_is_blocked_too(trial: Any, name: str) -> None:
    fault, gate = NEIGHBOURS[name]

    assert gate in closed(trial.judged(fault))
