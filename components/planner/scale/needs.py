"""What a workload needs, where both a quantity and a limit are made of it."""

from __future__ import annotations

from typing import NamedTuple

from shardline.components.planner.scale.unit_costs import UnitCosts
from shardline.components.planner.scale.workload import Workload


class Part(NamedTuple):
    """A part of what is done with a span, which begins where the one before it ends.

    Attributes:
        name: of what is done.
        seconds: that it takes.
        how: it was worked out, in words.
        is_of_rows: whether it is in proportion to the rows of the span; others go with
            tables and vocabularies, however few rows there are.
    """

    name: str
    seconds: float
    how: str
    is_of_rows: bool = False


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


def set_s(workload: Workload) -> float:
    """Returns the time to write a whole checkpoint set, or to read it, in seconds."""
    disk_bytes_per_s = workload.demand.machine.disk_bytes_per_s
    return workload.total_bytes / workload.plan.hosts / disk_bytes_per_s


def served_bytes(model_bytes: float, workload: Workload, costs: UnitCosts) -> float:
    """Returns the memory of a process that serves a model, in bytes."""
    return costs.load_bytes * model_bytes + vocabularies_bytes(workload, costs)


def vocabularies_bytes(workload: Workload, costs: UnitCosts) -> float:
    """Returns the memory of all tokens in a process that makes ids, in bytes."""
    return workload.tokens * costs.look_up.bytes


def span_parts(workload: Workload, costs: UnitCosts) -> list[Part]:
    """Returns what is done with a span, in order; the next span waits for its end."""
    step_parts = step_s(workload, costs)
    return [
        _beam("reading", workload, costs.read.of(workload.rows, workload.ids)),
        _beam("statistics", workload, costs.statistics.of(workload.rows, workload.ids)),
        _beam("feature step", workload, costs.features.of(workload.rows, workload.ids)),
        Part(
            "largest vocabulary, living, updated",
            workload.largest_vocabulary * costs.live.cpu_s,
            "one process, one core",
        ),
        Part("restore", set_s(workload), "each host reads its part"),
        Part(
            "training",
            workload.steps * max(step_parts.values()),
            f"steps · the slowest part, {max(step_parts, key=step_parts.__getitem__)}",
            is_of_rows=True,
        ),
        Part("a whole set", set_s(workload), "each host writes its part"),
        Part(
            "export, float32",
            costs.export_cpu_s * workload.row_bytes,
            "one process, one core",
        ),
        _beam("judging", workload, costs.evaluation.of(workload.rows, workload.ids)),
        Part(
            "publishing, float32",
            workload.row_bytes / workload.demand.machine.disk_bytes_per_s,
            "one process copies the whole model; a delta is less",
        ),
    ]


def _beam(name: str, workload: Workload, cpu_s: float) -> Part:
    cores = workload.demand.machine.cores
    how = f"all {cores} cores of one machine"
    return Part(name, cpu_s / cores, how, is_of_rows=True)
