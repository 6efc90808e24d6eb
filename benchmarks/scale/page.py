"""docs/scale.md: the tables of plan.json at a billion rows a day, and their prose."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from benchmarks.serving.session import table_of
from shardline.components.planner.scale.estimate import estimate
from shardline.components.planner.scale.limits import limits
from shardline.components.planner.scale.needs import Part, span_parts
from shardline.components.planner.scale.planned import load_plan
from shardline.components.planner.scale.quantities import shown
from shardline.components.planner.scale.unit_costs import UnitCosts
from shardline.components.planner.scale.workload import Demand, Machine, Workload

PAGE = Path("docs/scale.md")
_HERE = Path(__file__).parent
_MACHINE = Machine(
    cores=64, memory_bytes=512e9, network_bytes_per_s=12.5e9, disk_bytes_per_s=1e9
)
_SPANS = (1, 24, 144, 1440)
# Parts of a span that go with tables and vocabularies, by their name in the page.
_PARTS = {
    "vocabulary": "largest vocabulary, living, updated",
    "export": "export, float32",
}


def page(costs: UnitCosts) -> str:
    """Returns the page, as these costs make it."""
    plan = load_plan(_HERE / "plan.json")
    workload = Workload(plan, Demand(10**9, 1, _MACHINE))
    return (
        (_HERE / "page.md")
        .read_text()
        .format(
            plan=(_HERE / "plan.json").read_text().strip(),
            measured_on=costs.measured_on,
            costs=_costs(costs),
            quantities=_quantities(workload, costs),
            limits=_limits(workload, costs),
            spans=_spans(workload, costs),
        )
    )


def _quantities(workload: Workload, costs: UnitCosts) -> str:
    return "\n\n".join(
        f"### {group.title}\n\n" + _table("what", "how much", "how", rows)
        for group in estimate(workload, costs)
        for rows in [[(one.name, one.text, one.how) for one in group.quantities]]
    )


def _limits(workload: Workload, costs: UnitCosts) -> str:
    rows = [(one.name, one.text, one.breaks_at) for one in limits(workload, costs)]
    return _table("what", "of what there is", "breaks at", rows)


def _spans(workload: Workload, costs: UnitCosts) -> str:
    """Returns what it changes into how many spans a day is cut."""
    header = ["spans a day", "rows touched by one", "its set", "its delta"]
    header += [f"{name}, part of a span" for name in _PARTS]
    header += ["all in turn, part of a span"]
    rows = []
    for spans in _SPANS:
        demand = dataclasses.replace(workload.demand, spans_per_day=spans)
        cut = Workload(workload.plan, demand)
        touched = sum(cut.touched.values()) / cut.table_rows
        slots, none = (
            cut.touched_bytes(costs.set_row_bytes, slots=slots)
            for slots in (True, False)
        )
        rows.append(
            [
                f"{spans:,}",
                shown(touched, "share"),
                shown(slots, "bytes"),
                shown(none, "bytes"),
                *_shares(span_parts(cut, costs), cut.span_s),
            ]
        )
    return table_of(header, rows)


def _shares(parts: list[Part], span_s: float) -> list[str]:
    """Returns what `_PARTS` and all parts together take of a span."""
    seconds = {part.name: part.seconds for part in parts}
    chosen = [seconds[name] for name in _PARTS.values()]
    return [f"{one / span_s:.3g}" for one in (*chosen, sum(seconds.values()))]


def _costs(costs: UnitCosts) -> str:
    """Returns every cost, and what it is a cost of."""
    rows = []
    for name, of in _UNITS.items():
        cost = costs
        for part in name.split("."):
            cost = getattr(cost, part)
        unit = "bytes" if "bytes" in name else "s"
        assert isinstance(cost, float)
        rows.append((f"`{name}`", _small(cost, unit), of))
    return _table("unit", "cost", "of what", rows)


def _small(value: float, unit: str) -> str:
    """Returns a small number with its unit, three digits of it."""
    if unit == "bytes":
        return f"{value:.3g} bytes"
    for name, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return f"{value / 1e-12:.3g} ps"


def _table(what: str, number: str, words: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Returns a table in Markdown whose second column has numbers."""
    lines = [(what, number, words), ("---", "--:", "---"), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_RUN = "slope of runs of `shardline run`, CSV, a list of 5 or 45 ids a row"
_UNITS = {
    "read.row": f"ReaderExampleGen, a row: {_RUN}",
    "read.id": "the same, an id",
    "statistics.row": "StatisticsGen, a row",
    "statistics.id": "an id",
    "features.row": "FeatureTransform, a row: counted, and written twice",
    "features.id": "an id",
    "evaluation.row": "Evaluator, a row",
    "evaluation.id": "an id",
    "train.row": "Trainer, a row: read, shuffled, a small dense model",
    "train.id": "an id: parsed, and a step of dim 16 on a host of the same process",
    "example_bytes.row": "a row of raw and transformed examples, gzipped",
    "example_bytes.id": "an id",
    "sort.cpu_s": "a token of 16 bytes of a vocabulary that is put in order",
    "sort.bytes": "memory for it at most",
    "live.cpu_s": "a token in the update of a living vocabulary, its own or a span's",
    "live.bytes": "memory for it at most",
    "look_up.cpu_s": "a token in a process's table of tokens and ids, when it is made",
    "look_up.bytes": "memory for it, of a table that has just doubled",
    "host_step.id": "an id in a step on a host: lookup and Adagrad's update",
    "host_step.float": "each float of its row",
    "chief_step.id": "an id in a step, in the chief of a cluster of processes",
    "chief_step.float": "a float of activations and its gradient, to and from a host",
    "save_cpu_s": "a byte of a whole checkpoint set, saved",
    "restore_cpu_s": "the same, restored",
    "set_row_bytes": "a touched row in a differential set, beside its numbers",
    "export_cpu_s": "a byte of a model of float32, exported",
    "load_bytes": "memory for a byte of a model that is loaded",
}
