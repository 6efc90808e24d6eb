"""All quantities of a workload, by what runs: multiplied, not measured.

Every step is taken to use all cores it is given, and machines not to wait for each
other, but where one process does it all: there the text says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shardline.components.planner.scale.needs import (
    served_bytes,
    set_s,
    span_parts,
    step_s,
    vocabularies_bytes,
)
from shardline.components.planner.scale.quantities import Group, Quantity
from shardline.components.planner.scale.unit_costs import UnitCosts
from shardline.components.planner.scale.workload import Workload

_Quantities = Iterator[Quantity]


def estimate(workload: Workload, costs: UnitCosts) -> list[Group]:
    """Returns all quantities, in the order of a span's way through the pipeline."""
    return [
        Group(title, list(quantities(workload, costs)))
        for title, quantities in _GROUPS.items()
    ]


def _demand(workload: Workload, _: UnitCosts) -> _Quantities:
    plan = workload.plan
    yield Quantity("rows of a span", workload.rows, "", "rows a day / spans a day")
    yield Quantity("ids of a span", workload.ids, "", "rows · ids a row of the plan")
    yield Quantity("tokens of all vocabularies", workload.tokens, "", "the plan")
    yield Quantity("tables with slots", workload.total_bytes, "bytes", "the plan")
    yield Quantity("tables without", workload.row_bytes, "bytes", "rows · dim · 4")
    touched = sum(workload.touched.values())
    yield Quantity(
        "rows that a span touches",
        touched / workload.table_rows,
        "share",
        "Σ over ids of 1 - exp(-share of lookups · lookups)",
    )
    yield Quantity("training steps", workload.steps, "", f"of {plan.batch_size:,} rows")


def _beam(workload: Workload, costs: UnitCosts) -> _Quantities:
    cores = workload.demand.machine.cores
    in_all = 0.0
    for name, cost in (
        ("reading", costs.read),
        ("statistics", costs.statistics),
        ("feature step", costs.features),
        ("judging every row once", costs.evaluation),
    ):
        cpu_s = cost.of(workload.rows, workload.ids)
        in_all += cpu_s
        yield Quantity(f"{name}: cores", cpu_s / workload.span_s, "cores", _BUSY)
    machines = in_all / workload.span_s / cores
    yield Quantity("machines for all of it", machines, "", f"of {cores} cores")
    yield Quantity(
        "examples, raw and transformed",
        costs.example_bytes.of(workload.rows, workload.ids),
        "bytes",
        "bytes a row and an id, compressed",
    )
    yield Quantity(
        "vocabularies in memory, each worker process",
        vocabularies_bytes(workload, costs),
        "bytes",
        "bytes a token: every process that makes ids holds them all",
    )


def _vocabularies(workload: Workload, costs: UnitCosts) -> _Quantities:
    tokens = workload.largest_vocabulary
    for name, cost, how in (
        ("put in order", costs.sort, "on one core"),
        ("living, updated", costs.live, "on one core, however short the span"),
    ):
        yield Quantity(
            f"largest, {name}: memory",
            tokens * cost.bytes,
            "bytes",
            "bytes a token, in one process",
        )
        yield Quantity(f"largest, {name}: time", tokens * cost.cpu_s, "s", how)


def _training(workload: Workload, costs: UnitCosts) -> _Quantities:
    hosts = workload.plan.hosts
    sent = workload.step_bytes_to_hosts
    yield Quantity(
        "a step: sent by the chief",
        sent,
        "bytes",
        "12 an id, and 4 · floats of all activations to each host",
    )
    yield Quantity(
        "a step: received by the chief",
        workload.step_bytes_from_hosts,
        "bytes",
        "4 · floats of all activations from each host",
    )
    parts = step_s(workload, costs)
    for name, seconds in parts.items():
        yield Quantity(f"a step: {name}", seconds, "s", "alone")
    yield Quantity(
        "a span's training",
        workload.steps * max(parts.values()),
        "s",
        f"steps · the slowest of these, which is {max(parts, key=parts.__getitem__)}",
    )
    yield Quantity(
        "tables on a host", workload.total_bytes / hosts, "bytes", f"{hosts} hosts"
    )
    yield Quantity(
        "the same on a TPU's host while loading or saving",
        2 * workload.total_bytes / hosts,
        "bytes",
        "twice: variables, and tensors of the op",
    )


def _checkpoints(workload: Workload, costs: UnitCosts) -> _Quantities:
    total, hosts = workload.total_bytes, workload.plan.hosts
    yield Quantity("a whole set", total, "bytes", "tables with slots")
    yield Quantity(
        "a whole set: time to write", set_s(workload), "s", "each host writes its part"
    )
    cpu_s = costs.save_cpu_s * total / hosts
    yield Quantity("a whole set: a host's cores", cpu_s, "s", "of one core")
    differential = workload.touched_bytes(costs.set_row_bytes, slots=True)
    yield Quantity(
        "a span's differential set", differential, "bytes", "touched rows with slots"
    )
    yield Quantity(
        "a restore: time to read", set_s(workload), "s", "as fast as written"
    )
    cpu_s = costs.restore_cpu_s * total / hosts
    yield Quantity("a restore: a host's cores", cpu_s, "s", "of one core")


def _publishing(workload: Workload, costs: UnitCosts) -> _Quantities:
    rows, int8 = workload.row_bytes, workload.int8_bytes
    yield Quantity("model, float32", rows, "bytes", "rows · dim · 4")
    yield Quantity("model, int8", int8, "bytes", "rows · (dim + 4)")
    yield Quantity("export, float32", costs.export_cpu_s * rows, "s", _ALONE)
    delta = workload.touched_bytes(costs.set_row_bytes, slots=False)
    yield Quantity("a span's delta, float32", delta, "bytes", "touched rows")
    vocabularies = vocabularies_bytes(workload, costs)
    for name, model_bytes in (("float32", rows), ("int8", int8)):
        yield Quantity(
            f"memory of a serving process, {name}",
            served_bytes(model_bytes, workload, costs),
            "bytes",
            f"the whole model, and {vocabularies / 1e9:,.1f} GB of vocabularies",
        )


def _in_turn(workload: Workload, costs: UnitCosts) -> _Quantities:
    parts = span_parts(workload, costs)
    for part in parts:
        yield Quantity(part.name, part.seconds, "s", part.how)
    in_all = sum(part.seconds for part in parts)
    yield Quantity("all of it", in_all, "s", "the sum: the next span waits for it")


_BUSY = "all span long; more of them end earlier"
_ALONE = "one process, one core"
_GROUPS: dict[str, Callable[[Workload, UnitCosts], _Quantities]] = {
    "The demand": _demand,
    "Beam workers": _beam,
    "Vocabularies": _vocabularies,
    "Training: chief and hosts": _training,
    "Checkpoint sets": _checkpoints,
    "Publishing and serving": _publishing,
    "A span, one thing after the other": _in_turn,
}
