"""`shardline scale`: what a plan takes at so many rows a day, and what breaks first."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from shardline.pipeline.commands.console import console, failing_on, print_line
from shardline.pipeline.commands.options import refused_if_remote
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.components.planner.scale.limits import Limit
    from shardline.components.planner.scale.quantities import Group


def scale(
    plan: Annotated[
        Path,
        typer.Argument(
            callback=refused_if_remote,
            metavar="PLAN",
            help="A plan in JSON, as `shardline plan --json` writes it, or typed.",
        ),
    ],
    rows_per_day: Annotated[
        int, typer.Option(min=1, help="Rows that come in a day, each trained on once.")
    ],
    spans_per_day: Annotated[
        int, typer.Option(min=1, help="Spans that these rows come in.")
    ] = 1,
    cores: Annotated[int, typer.Option(min=1, help="Cores of a machine.")] = 64,
    memory_gb: Annotated[
        float, typer.Option(min=0.001, help="Memory of a machine, in 10^9 bytes.")
    ] = 512,
    network_gbit: Annotated[
        float, typer.Option(min=0.001, help="Network of a machine, in 10^9 bits/s.")
    ] = 100,
    disk_mb: Annotated[
        float,
        typer.Option(min=0.001, help="What a machine writes of sets, in 10^6 bytes/s."),
    ] = 1000,
    costs: Annotated[
        Path | None,
        typer.Option(
            callback=refused_if_remote,
            help="Unit costs in JSON, as `make bench-scale` measures them. "
            "Default: those that were measured for this version.",
        ),
    ] = None,
) -> None:
    """Work out what a plan takes at so many rows a day, and what breaks first.

    Nothing is run: the measured cost of one unit is multiplied. What is assumed
    stands in docs/scale.md.
    """
    from shardline.components.planner.scale.estimate import estimate
    from shardline.components.planner.scale.limits import limits
    from shardline.components.planner.scale.planned import ScaleError, load_plan
    from shardline.components.planner.scale.unit_costs import MEASURED, load_unit_costs
    from shardline.components.planner.scale.workload import Demand, Machine, Workload

    with failing_on(ScaleError):
        planned, unit_costs = load_plan(plan), load_unit_costs(costs or MEASURED)
    machine = Machine(cores, memory_gb * 1e9, network_gbit * 1e9 / 8, disk_mb * 1e6)
    workload = Workload(planned, Demand(rows_per_day, spans_per_day, machine))
    for group in estimate(workload, unit_costs):
        print_table(_table_of(group), console)
    print_table(_table_of_limits(limits(workload, unit_costs)), console)
    print_line(f"Unit costs: {unit_costs.measured_on}")


def _table_of(group: "Group") -> Table:
    table = _new_table(group.title, "what", "how much", "how")
    for quantity in group.quantities:
        table.add_row(quantity.name, quantity.text, quantity.how)
    return table


def _table_of_limits(found: "list[Limit]") -> Table:
    table = _new_table("What breaks first", "what", "of what there is", "breaks at")
    for limit in found:
        style = "red" if limit.share > 1 else None
        table.add_row(limit.name, limit.text, limit.breaks_at, style=style)
    return table


def _new_table(title: str, what: str, number: str, words: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(what, no_wrap=True)
    table.add_column(number, justify="right", no_wrap=True)
    table.add_column(words)
    return table
