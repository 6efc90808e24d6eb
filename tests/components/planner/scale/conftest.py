"""A small plan, round costs, and what there is to do."""

import copy
from typing import Any

import pytest

from shardline.components.planner.scale.planned import Planned
from shardline.components.planner.scale.unit_costs import UnitCosts
from shardline.components.planner.scale.workload import Demand, Machine, Workload

PLAN = {
    "name": "small",
    "hosts": 2,
    "batch_size": 10,
    "tables": {
        # 100 rows of 16 bytes, and one slot; 50 of 32 bytes, and two.
        "user": {
            "dim": 4,
            "rows": 100,
            "total_bytes": 3200,
            "vocabulary": 90,
            "frequencies": [[1, 7], [100, 7]],
        },
        "item": {
            "dim": 8,
            "rows": 50,
            "total_bytes": 4800,
            "frequencies": [[1, 9], [50, 1]],
        },
    },
    "features": {
        "user": {"table": "user", "mean": 1},
        "seen": {"table": "item", "mean": 6, "cut_off": 0.5, "max_sequence_length": 5},
        "liked": {"table": "item", "mean": 2},
    },
}
_ROW = {"row": 2.0, "id": 0.5}
COSTS = {
    "measured_on": "Measured here.",
    "read": _ROW,
    "statistics": {"row": 4.0, "id": 1.0},
    "features": _ROW,
    "evaluation": _ROW,
    "example_bytes": {"row": 30.0, "id": 4.0},
    "train": {"row": 0.1, "id": 0.01},
    "sort": {"cpu_s": 0.25, "bytes": 100.0},
    "live": {"cpu_s": 0.5, "bytes": 300.0},
    "look_up": {"cpu_s": 0.1, "bytes": 60.0},
    "host_step": {"id": 0.01, "float": 0.001},
    "chief_step": {"id": 0.002, "float": 0.0005},
    "save_cpu_s": 0.5,
    "restore_cpu_s": 0.25,
    "set_row_bytes": 8.0,
    "export_cpu_s": 0.5,
    "load_bytes": 1.5,
}
DEMAND = Demand(
    rows_per_day=2000,
    spans_per_day=2,
    machine=Machine(
        cores=4, memory_bytes=1e5, network_bytes_per_s=1e3, disk_bytes_per_s=1e2
    ),
)


@pytest.fixture
def plan_values() -> dict[str, Any]:
    """The plan as JSON has it, to be changed."""
    return copy.deepcopy(PLAN)


@pytest.fixture
def cost_values() -> dict[str, Any]:
    """The costs as JSON has them, to be changed."""
    return copy.deepcopy(COSTS)


@pytest.fixture
def costs(cost_values: dict[str, Any]) -> UnitCosts:
    return UnitCosts.model_validate(cost_values)


@pytest.fixture
def workload(plan_values: dict[str, Any]) -> Workload:
    return Workload(Planned.model_validate(plan_values), DEMAND)
