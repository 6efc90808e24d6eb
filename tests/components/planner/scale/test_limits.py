"""What breaks first."""

import dataclasses
import math

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


# By what a limit grows with, what of each table grows; None: the rows of a day.
_GROWN = {
    "rows of tables": ("rows", "total_bytes"),
    "of rows": ("rows", "total_bytes"),
    "of tables with slots": ("total_bytes",),
    "tokens": ("vocabulary",),
    "tokens of one table": ("vocabulary",),
    "rows a day": None,
}


def _grown(workload: Workload, grows_with: str, times: float) -> Workload:
    fields = _GROWN[grows_with]
    if fields is None:
        rows = workload.demand.rows_per_day * times
        demand = dataclasses.replace(workload.demand, rows_per_day=rows)  # type: ignore[arg-type]
        return dataclasses.replace(workload, demand=demand)
    tables = {
        name: table.model_copy(
            update={field: (getattr(table, field) or 0) * times for field in fields}
        )
        for name, table in workload.plan.tables.items()
    }
    plan = workload.plan.model_copy(update={"tables": tables})
    return dataclasses.replace(workload, plan=plan)


def test_every_limit_breaks_at_the_size_that_it_names(
    workload: Workload, costs: UnitCosts
) -> None:
    found = limits(workload, costs)
    assert len(found) >= 14
    for limit in found:
        times = limit.breaking_size / limit.size
        grown = limits(_grown(workload, limit.grows_with, times), costs)
        (same,) = [one for one in grown if one.name == limit.name]
        assert same.share == pytest.approx(1), limit.name


def test_shorter_span_leaves_less_room_for_what_goes_with_tables(
    workload: Workload, costs: UnitCosts
) -> None:
    hourly = dataclasses.replace(workload.demand, spans_per_day=24)
    shorter = dataclasses.replace(workload, demand=hourly)
    name = "a span, all of it one after the other"
    long, short = (
        next(limit for limit in limits(one, costs) if limit.name == name)
        for one in (workload, shorter)
    )

    assert short.need < long.need
    assert short.share > long.share
    assert short.breaking_size < long.breaking_size


def test_text_is_a_share_or_how_many_times_there_is_too_much() -> None:
    limit = Limit("memory", 30, 60, "bytes", "rows", 1000)

    assert limit.text == "50 %"
    assert limit.breaks_at == "2 thousand rows"
    assert limit._replace(need=600).text == "10 times"
    assert limit._replace(need=0).breaks_at == "never"


def test_part_that_does_not_grow_counts_once() -> None:
    limit = Limit("memory", 30, 60, "bytes", "rows", 1000, fixed=10)

    assert limit.breaks_at == "2.5 thousand rows"
    assert limit._replace(fixed=30).breaking_size == math.inf
    assert limit._replace(capacity=10).breaks_at == "any number of rows"
