"""All quantities of a workload, by what runs: multiplied, not measured.

Every step is taken to use all cores it is given, and machines not to wait for each
other, but where one process does it all: there the text says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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


def step_s(workload: Workload, costs: UnitCosts) -> dict[str, float]:
    """Returns what each part of a training step takes if it is alone, in seconds.

    Nothing waits for the others in the best case: a step then takes as long as the
    slowest part.
    """
    machine, plan = workload.demand.machine, workload.plan
    chief_cpu_s = (
        costs.train.of(plan.batch_size, workload.step_ids)
        + costs.chief_step.id * workload.step_ids
        + costs.chief_step.float * plan.hosts * workload.step_activation_floats
    )
    host_cpu_s = (
        costs.host_step.id * workload.step_ids
        + costs.host_step.float * workload.step_id_floats
    )
    most_bytes = max(workload.step_bytes_to_hosts, workload.step_bytes_from_hosts)
    return {
        "the chief's network": most_bytes / machine.network_bytes_per_s,
        "the chief's cores": chief_cpu_s / machine.cores,
        "the cores of the hosts": host_cpu_s / (plan.hosts * machine.cores),
    }


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
        workload.tokens * costs.look_up.bytes,
        "bytes",
        "bytes a token: every process that makes ids holds them all",
    )


def _vocabularies(workload: Workload, costs: UnitCosts) -> _Quantities:
    tokens = workload.largest_vocabulary
    for name, cost in (("put in order", costs.sort), ("living, updated", costs.live)):
        yield Quantity(
            f"largest, {name}: memory",
            tokens * cost.bytes,
            "bytes",
            "bytes a token, in one process",
        )
        yield Quantity(
            f"largest, {name}: time", tokens * cost.cpu_s, "s", "on one core"
        )


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
    disk = workload.demand.machine.disk_bytes_per_s
    yield Quantity("a whole set", total, "bytes", "tables with slots")
    yield Quantity(
        "a whole set: time to write",
        total / hosts / disk,
        "s",
        "each host writes its part",
    )
    cpu_s = costs.save_cpu_s * total / hosts
    yield Quantity("a whole set: a host's cores", cpu_s, "s", "of one core")
    differential = workload.touched_bytes(costs.set_row_bytes, slots=True)
    yield Quantity(
        "a span's differential set", differential, "bytes", "touched rows with slots"
    )
    yield Quantity(
        "a restore: time to read", total / hosts / disk, "s", "as fast as written"
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
    vocabularies = workload.tokens * costs.look_up.bytes
    for name, model_bytes in (("float32", rows), ("int8", int8)):
        yield Quantity(
            f"memory of a serving process, {name}",
            served_bytes(model_bytes, workload, costs),
            "bytes",
            f"the whole model, and {vocabularies / 1e9:,.1f} GB of vocabularies",
        )


def served_bytes(model_bytes: float, workload: Workload, costs: UnitCosts) -> float:
    """Returns the memory of a process that serves a model, in bytes."""
    return costs.load_bytes * model_bytes + workload.tokens * costs.look_up.bytes


_BUSY = "all span long; more of them end earlier"
_ALONE = "one process, one core"
_GROUPS: dict[str, Callable[[Workload, UnitCosts], _Quantities]] = {
    "The demand": _demand,
    "Beam workers": _beam,
    "Vocabularies": _vocabularies,
    "Training: chief and hosts": _training,
    "Checkpoint sets": _checkpoints,
    "Publishing and serving": _publishing,
}
