"""Plan and demand together: rows, ids and bytes of a span and of a step."""

from __future__ import annotations

import dataclasses
import functools

from shardline.components.planner.scale.planned import (
    FLOAT_BYTES,
    Planned,
    PlannedTable,
)
from shardline.components.planner.scale.skew import touched_rows

DAY_S = 86_400
# What travels for an id: its row, its activation row and its coefficient.
_ID_BYTES = 12
# A row of an int8 table has a float for its scale.
_SCALE_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine; all are alike.

    Attributes:
        cores: that compute.
        memory_bytes: that processes may take.
        network_bytes_per_s: that it sends, and takes, at the same time.
        disk_bytes_per_s: that it writes to where checkpoint sets are.
    """

    cores: int
    memory_bytes: float
    network_bytes_per_s: float
    disk_bytes_per_s: float


@dataclasses.dataclass(frozen=True)
class Demand:
    """What is asked for.

    Attributes:
        rows_per_day: that come in and are trained on once.
        spans_per_day: in how many equal parts they come; each is read, trained on,
            judged and published before the next.
        machine: what everything runs on.
    """

    rows_per_day: int
    spans_per_day: int
    machine: Machine


@dataclasses.dataclass(frozen=True)
class Workload:
    """What there is to do in a span, and in a step of training.

    Attributes:
        plan: tables and features.
        demand: rows and machines.
    """

    plan: Planned
    demand: Demand

    @property
    def span_s(self) -> float:
        """The time that a span has, in seconds."""
        return DAY_S / self.demand.spans_per_day

    @property
    def rows(self) -> float:
        """The rows of a span."""
        return self.demand.rows_per_day / self.demand.spans_per_day

    @property
    def row_ids(self) -> float:
        """The ids of a row, on average."""
        return sum(feature.ids for feature in self.plan.features.values())

    @property
    def ids(self) -> float:
        """The ids of a span."""
        return self.rows * self.row_ids

    @property
    def steps(self) -> float:
        """The training steps of a span."""
        return self.rows / self.plan.batch_size

    @property
    def step_ids(self) -> float:
        """The ids of a step."""
        return self.plan.batch_size * self.row_ids

    @property
    def step_id_floats(self) -> float:
        """The floats of the rows of all ids of a step."""
        return self.plan.batch_size * sum(
            feature.ids * self.plan.tables[feature.table].dim
            for feature in self.plan.features.values()
        )

    @property
    def step_activation_floats(self) -> float:
        """The floats of the activations of a step."""
        return self.plan.batch_size * sum(
            self.plan.tables[feature.table].dim * (feature.max_sequence_length or 1)
            for feature in self.plan.features.values()
        )

    @property
    def step_bytes_to_hosts(self) -> float:
        """What the chief sends in a step: ids, and to each host all gradients."""
        return _ID_BYTES * self.step_ids + self.step_bytes_from_hosts

    @property
    def step_bytes_from_hosts(self) -> float:
        """What the chief gets in a step: from each host sums for all activations."""
        return self.plan.hosts * self.step_activation_floats * FLOAT_BYTES

    @property
    def total_bytes(self) -> float:
        """The bytes of all tables, with slots."""
        return sum(table.total_bytes for table in self._tables)

    @property
    def row_bytes(self) -> float:
        """The bytes of the rows of all tables as float32."""
        return sum(table.rows * table.row_bytes for table in self._tables)

    @property
    def int8_bytes(self) -> float:
        """The bytes of the rows of all tables as int8."""
        return sum(table.rows * (table.dim + _SCALE_BYTES) for table in self._tables)

    @property
    def table_rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self._tables)

    @property
    def tokens(self) -> int:
        """The tokens of all vocabularies."""
        return sum(table.vocabulary or 0 for table in self._tables)

    @property
    def largest_vocabulary(self) -> int:
        """The tokens of the largest vocabulary."""
        return max(table.vocabulary or 0 for table in self._tables)

    @functools.cached_property
    def touched(self) -> dict[str, float]:
        """The rows of each table that a span touches."""
        lookups = dict.fromkeys(self.plan.tables, 0.0)
        for feature in self.plan.features.values():
            lookups[feature.table] += self.rows * feature.ids
        return {
            name: min(table.rows, touched_rows(table.frequencies, lookups[name]))
            for name, table in self.plan.tables.items()
        }

    def touched_bytes(self, row_overhead_bytes: float, *, slots: bool) -> float:
        """Returns the bytes of the rows that a span touches.

        Args:
            row_overhead_bytes: of a row beside its numbers.
            slots: whether the slots are with them.
        """
        tables = self.plan.tables
        return sum(
            rows
            * (
                row_overhead_bytes
                + (tables[t].row_bytes_with_slots if slots else tables[t].row_bytes)
            )
            for t, rows in self.touched.items()
        )

    @property
    def _tables(self) -> list[PlannedTable]:
        return list(self.plan.tables.values())
