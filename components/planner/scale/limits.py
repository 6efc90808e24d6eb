"""What a machine or a day cannot take, the first to break first.

Every need grows with one number of the workload, all others staying as they are: a part
of it in proportion, and a part, if there is one, not at all. At the size at which it is
as large as what there is, the limit breaks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from shardline.components.planner.scale.needs import (
    served_bytes,
    set_s,
    span_parts,
    step_s,
    vocabularies_bytes,
)
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
        grows_with: the number that the need grows with, in words.
        size: that number, of the workload.
        size_unit: of that number.
        fixed: what would be needed if that number were 0; the rest of the need is in
            proportion to it.
    """

    name: str
    need: float
    capacity: float
    unit: Unit
    grows_with: str
    size: float
    size_unit: Unit = ""
    fixed: float = 0.0

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
    def breaking_size(self) -> float:
        """The size at which need and capacity are the same; 0 if there is none."""
        growing = self.need - self.fixed
        left = self.capacity - self.fixed
        if left <= 0:
            return 0.0
        return self.size * left / growing if growing else math.inf

    @property
    def breaks_at(self) -> str:
        """The size at which it breaks, in words."""
        if not self.breaking_size:
            return f"any number of {self.grows_with}"
        if math.isinf(self.breaking_size):
            return "never"
        return f"{shown(self.breaking_size, self.size_unit)} {self.grows_with}"


def limits(workload: Workload, costs: UnitCosts) -> list[Limit]:
    """Returns all limits, the first to break first."""
    found = [
        *_of_memory(workload, costs),
        *_of_training(workload, costs),
        *_of_time(workload, costs),
    ]
    return sorted(found, key=lambda limit: -limit.share)


def _of_memory(workload: Workload, costs: UnitCosts) -> Iterator[Limit]:
    machine = workload.demand.machine
    vocabularies = vocabularies_bytes(workload, costs)
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
            workload.table_rows,
            fixed=vocabularies,
        )
    yield Limit(
        "memory of Beam workers that make ids, one a core",
        machine.cores * vocabularies,
        machine.memory_bytes,
        "bytes",
        "tokens",
        workload.tokens,
    )
    for name, cost in (("put in order", costs.sort), ("living", costs.live)):
        yield Limit(
            f"memory of the process with the largest vocabulary, {name}",
            workload.largest_vocabulary * cost.bytes,
            machine.memory_bytes,
            "bytes",
            "tokens of one table",
            workload.largest_vocabulary,
        )
    yield Limit(
        "memory of a host",
        workload.total_bytes / workload.plan.hosts,
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
        )


def _of_time(workload: Workload, costs: UnitCosts) -> Iterator[Limit]:
    yield Limit(
        "a span's export by one process, float32",
        costs.export_cpu_s * workload.row_bytes,
        workload.span_s,
        "s",
        "of rows",
        workload.row_bytes,
        "bytes",
    )
    for name, cost in (("put in order", costs.sort), ("living, updated", costs.live)):
        yield Limit(
            f"a span's vocabulary, {name} by one process",
            workload.largest_vocabulary * cost.cpu_s,
            workload.span_s,
            "s",
            "tokens of one table",
            workload.largest_vocabulary,
        )
    yield Limit(
        "a whole checkpoint set a span, written by every host",
        set_s(workload),
        workload.span_s,
        "s",
        "of tables with slots",
        workload.total_bytes,
        "bytes",
    )
    parts = span_parts(workload, costs)
    yield Limit(
        "a span, all of it one after the other",
        sum(part.seconds for part in parts),
        workload.span_s,
        "s",
        "rows a day",
        workload.demand.rows_per_day,
        fixed=sum(part.seconds for part in parts if not part.is_of_rows),
    )
