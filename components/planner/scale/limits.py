"""What a machine or a day cannot take, the first to break first.

Every need grows in proportion to one number of the workload, all others staying as they
are: at the size at which it is as large as what there is, the limit breaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from shardline.components.planner.scale.estimate import served_bytes, step_s
from shardline.components.planner.scale.quantities import Unit, shown
from shardline.components.planner.scale.unit_costs import UnitCosts
from shardline.components.planner.scale.workload import Workload


class Limit(NamedTuple):
    """A limit.

    Attributes:
        name: of what.
        need: of the workload.
        capacity: what there is.
        unit: of both.
        grows_with: the number that the need is in proportion to, in words.
        size: that number, of the workload.
        size_unit: of that number.
    """

    name: str
    need: float
    capacity: float
    unit: Unit
    grows_with: str
    size: float
    size_unit: Unit

    @property
    def share(self) -> float:
        """The need by the capacity; above 1, it is broken."""
        return self.need / self.capacity

    @property
    def text(self) -> str:
        """The share of what there is, in words."""
        if self.share < 1:
            return shown(self.share, "share")
        return f"{shown(self.share, '')} times"

    @property
    def breaks_at(self) -> str:
        """The size at which it breaks, in words; none, if nothing is needed."""
        if not self.need:
            return "never"
        return f"{shown(self.size / self.share, self.size_unit)} {self.grows_with}"


def limits(workload: Workload, costs: UnitCosts) -> list[Limit]:
    """Returns all limits, the first to break first."""
    found = [
        *_of_memory(workload, costs),
        *_of_training(workload, costs),
        *_of_time(workload, costs),
    ]
    return sorted(found, key=lambda limit: -limit.share)


def _of_memory(workload: Workload, costs: UnitCosts) -> Iterator[Limit]:
    machine, hosts = workload.demand.machine, workload.plan.hosts
    tokens, rows = workload.tokens, workload.table_rows
    for name, model_bytes in (
        ("float32", workload.row_bytes),
        ("int8", workload.int8_bytes),
    ):
        yield Limit(
            f"memory of a serving process, {name}",
            served_bytes(model_bytes, workload, costs),
            machine.memory_bytes,
            "bytes",
            "rows of tables",
            rows,
            "",
        )
    yield Limit(
        "memory of Beam workers that make ids, one a core",
        machine.cores * tokens * costs.look_up.bytes,
        machine.memory_bytes,
        "bytes",
        "tokens",
        tokens,
        "",
    )
    for name, cost in (("put in order", costs.sort), ("living", costs.live)):
        largest = workload.largest_vocabulary
        yield Limit(
            f"memory of the process with the largest vocabulary, {name}",
            largest * cost.bytes,
            machine.memory_bytes,
            "bytes",
            "tokens of one table",
            largest,
            "",
        )
    yield Limit(
        "memory of a host",
        workload.total_bytes / hosts,
        machine.memory_bytes,
        "bytes",
        "of tables with slots",
        workload.total_bytes,
        "bytes",
    )


def _of_training(workload: Workload, costs: UnitCosts) -> Iterator[Limit]:
    for name, seconds in step_s(workload, costs).items():
        yield Limit(
            f"a span's training: {name}",
            workload.steps * seconds,
            workload.span_s,
            "s",
            "rows a day",
            workload.demand.rows_per_day,
            "",
        )


def _of_time(workload: Workload, costs: UnitCosts) -> Iterator[Limit]:
    hosts, disk = workload.plan.hosts, workload.demand.machine.disk_bytes_per_s
    yield Limit(
        "a span's export by one process, float32",
        costs.export_cpu_s * workload.row_bytes,
        workload.span_s,
        "s",
        "of rows",
        workload.row_bytes,
        "bytes",
    )
    yield Limit(
        "a span's vocabulary, put in order by one process",
        costs.sort.cpu_s * workload.largest_vocabulary,
        workload.span_s,
        "s",
        "tokens of one table",
        workload.largest_vocabulary,
        "",
    )
    yield Limit(
        "a whole checkpoint set a span, written by every host",
        workload.total_bytes / hosts / disk,
        workload.span_s,
        "s",
        "of tables with slots",
        workload.total_bytes,
        "bytes",
    )
