"""What quantities and limits are made of, by hand for a small plan."""

import dataclasses

import pytest

from shardline.components.planner.scale.needs import (
    served_bytes,
    set_s,
    span_parts,
    step_s,
)
from shardline.components.planner.scale.unit_costs import UnitCosts
from shardline.components.planner.scale.workload import Workload


def _parts(workload: Workload, costs: UnitCosts) -> dict[str, float]:
    return {part.name: part.seconds for part in span_parts(workload, costs)}


def test_slowest_part_of_a_step_is_the_network(
    workload: Workload, costs: UnitCosts
) -> None:
    parts = step_s(workload, costs)

    assert parts["the chief's network"] == max(parts.values()) == pytest.approx(4.88)


def test_vocabularies_are_served_with_the_model(
    workload: Workload, costs: UnitCosts
) -> None:
    assert served_bytes(100, workload, costs) == 1.5 * 100 + 90 * 60


def test_parts_of_a_span_are_in_order(workload: Workload, costs: UnitCosts) -> None:
    # 1,000 rows with 6,000 ids, on 4 cores; 100 steps; sets of 4,000 bytes a host.
    assert set_s(workload) == 40
    assert list(_parts(workload, costs).items()) == [
        ("reading", 1250),
        ("statistics", 2500),
        ("feature step", 1250),
        ("largest vocabulary, living, updated", 45),
        ("restore", 40),
        ("training", pytest.approx(488)),
        ("a whole set", 40),
        ("export, float32", 1600),
        ("judging", 1250),
        # 3,200 bytes of rows at 100 a second.
        ("publishing, float32", 32),
    ]


def test_parts_of_rows_shrink_with_the_span_and_others_do_not(
    workload: Workload, costs: UnitCosts
) -> None:
    demand = dataclasses.replace(workload.demand, spans_per_day=2000)
    whole = _parts(workload, costs)
    shorter = _parts(dataclasses.replace(workload, demand=demand), costs)

    for part in span_parts(workload, costs):
        times = 1 / 1000 if part.is_of_rows else 1
        assert shorter[part.name] == pytest.approx(whole[part.name] * times)
