"""Unit costs: those that came with this version, and files that have none."""

import json
from pathlib import Path
from typing import Any

import pytest

from shardline.components.planner.scale.planned import ScaleError
from shardline.components.planner.scale.unit_costs import RowCost, load_unit_costs


def test_costs_came_with_this_version() -> None:
    costs = load_unit_costs()

    assert costs.measured_on.startswith("Measured by `make bench-scale` on ")
    # A loaded model takes its own bytes, and not twice as many.
    assert 0.95 < costs.load_bytes < 1.5


def test_rows_cost_for_themselves_and_for_their_ids() -> None:
    assert RowCost(row=2, id=0.5).of(rows=10, ids=30) == 35


def test_file_without_costs_is_named(
    cost_values: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "costs.json"
    with pytest.raises(ScaleError, match=r"no costs to read \(No such file"):
        load_unit_costs(file)

    del cost_values["sort"]["bytes"]
    cost_values["read"]["row"] = -1
    file.write_text(json.dumps(cost_values))

    with pytest.raises(ScaleError, match=r"bench-scale") as error:
        load_unit_costs(file)
    assert "read.row: Input should be greater than 0, got -1" in str(error.value)
    assert "sort.bytes: Field required" in str(error.value)
