"""`shardline conformance`: whether the engine computes right where it is to run."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shardline.pipeline.commands.console import console, end, failing_on, print_line
from shardline.pipeline.commands.options import refused_if_remote
from shardline.pipeline.terminal.native_output import stderr_held_back
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.embedding.conformance.verdicts import GroupVerdict, Report

_STYLES = {
    "passed": "green",
    "failed": "red",
    "not supported": "yellow",
    "not run": "red",
}


def conformance(
    hosts: Annotated[
        int | None,
        typer.Option(
            min=1, help="On so many logical hosts of this process. Default: 2."
        ),
    ] = None,
    cluster: Annotated[
        bool,
        typer.Option(
            "--cluster",
            help="On the hosts of the cluster in TF_CONFIG; this process is the chief.",
        ),
    ] = False,
    tpu: Annotated[
        str | None,
        typer.Option(
            help="On a TPU: local, for that of this machine; its name; or "
            "grpc://address:port."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP", help="Check this group, and others so named."),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            callback=refused_if_remote,
            help="Also write the report, case by case, to this file.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            callback=refused_if_remote,
            help="Where checkpoints lie for a moment; the hosts of a cluster must all "
            "see it. Default: the temporary folder.",
        ),
    ] = None,
    limit_s: Annotated[
        float,
        typer.Option(min=1, help="Seconds after which a call counts as hung."),
    ] = 300.0,
) -> None:
    """Compare the engine with golden vectors, on the hosts, cluster or TPU chosen.

    Inputs, optimizers, sequences, staleness and checkpoints are checked. The exit
    code is 0 if all that can be had there passed.
    """
    with stderr_held_back():
        from shardline.embedding.conformance.choice import chosen_placement
        from shardline.embedding.conformance.environment import environment
        from shardline.embedding.conformance.golden import read_groups
        from shardline.embedding.conformance.kit import Kit, write_json
        from shardline.embedding.conformance.time_limit import TimeLimit
        from shardline.embedding.conformance.wording import heading
    with failing_on(OSError, RuntimeError, ValueError):
        groups = read_groups(only or ())
        with console.status("Checking") as status, stderr_held_back():
            placement = chosen_placement(hosts, cluster, tpu)
            kit = Kit(placement, limit=TimeLimit(limit_s), folder=folder)
            lines = heading(placement.name, environment())
            report = kit.report(
                groups, lambda group: status.update(f"{group.name} {group.verdict}")
            )
        for line in lines:
            print_line(line)
        print_report(report, console)
        if json_file:
            write_json(report, json_file)
    code = 0 if report.has_passed else 1
    if kit.hangs:
        # The thread that waits may keep the process from its end.
        os._exit(code)
    end(code)


def print_report(report: "Report", console: Console) -> None:
    """Prints a line for each group, and below them what did not pass.

    Args:
        report: of all groups.
        console: where to print.
    """
    from shardline.embedding.conformance.wording import HEADERS, details, summary

    table = Table(*HEADERS)
    for group in report.groups:
        table.add_row(*_cells(group))
    print_table(table, console)
    for group in report.groups:
        for line in details(group):
            label, _, rest = line.partition(": ")
            text = Text.assemble((f"{label}: ", _STYLES[group.verdict]), rest)
            console.print(text, soft_wrap=True)
    console.print(summary(report), highlight=False)


def _cells(group: "GroupVerdict") -> list[Text]:
    from shardline.embedding.conformance.wording import cells

    name, verdict, *others = cells(group)
    return [Text(name), Text(verdict, style=_STYLES[verdict]), *map(Text, others)]
