"""What breaks first."""

import dataclasses

import pytest

from shardline.components.planner.scale.limits import Limit, limits
from shardline.components.planner.scale.unit_costs import UnitCosts
from shardline.components.planner.scale.workload import Workload


def test_limits_are_in_the_order_in_which_they_break(
    workload: Workload, costs: UnitCosts
) -> None:
    found = limits(workload, costs)

    shares = [limit.share for limit in found]
    assert shares == sorted(shares, reverse=True)
    assert len({limit.name for limit in found}) == len(found)
    # 90 tokens of 300 bytes in one process.
    assert found[0].name.endswith("with the largest vocabulary, living")
    assert found[0].share == pytest.approx(0.27)
    assert found[0].breaks_at == "333 tokens of one table"


def test_limit_breaks_at_the_size_that_it_names(
    workload: Workload, costs: UnitCosts
) -> None:
    names = [limit.name for limit in limits(workload, costs)]
    (place,) = [n for n, name in enumerate(names) if name.endswith("chief's network")]
    network = limits(workload, costs)[place]
    rows = network.size / network.share

    demand = dataclasses.replace(workload.demand, rows_per_day=rows)
    larger = limits(dataclasses.replace(workload, demand=demand), costs)

    (same,) = [limit for limit in larger if limit.name == network.name]
    assert same.share == pytest.approx(1)


def test_text_is_a_share_or_how_many_times_there_is_too_much() -> None:
    limit = Limit("memory", 30, 60, "bytes", "rows", 1000, "")

    assert limit.text == "50 %"
    assert limit.breaks_at == "2 thousand rows"
    assert limit._replace(need=600).text == "10 times"
    assert limit._replace(need=0).breaks_at == "never"
