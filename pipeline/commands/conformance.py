"""`shardline conformance`: whether the engine computes right where it is to run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from shardline.pipeline.commands.console import console, end, failing_on, print_line
from shardline.pipeline.commands.options import refused_if_remote
from shardline.pipeline.terminal.native_output import stderr_held_back

if TYPE_CHECKING:
    from shardline.embedding.conformance.verdicts import GroupVerdict

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
        from shardline.embedding.conformance.session import Options, run_session
    options = Options(hosts, cluster, tpu, only or (), json_file, folder, limit_s)
    with failing_on(OSError, RuntimeError, ValueError):
        with console.status("Checking"), stderr_held_back():
            ended = run_session(options, print_line, print_group)
    ended.leave_if_hung()
    end(ended.exit_code)


def print_group(group: "GroupVerdict") -> None:
    """Prints a line for a group, and below it what did not pass."""
    from shardline.embedding.conformance.wording import cells, columns, details

    name, verdict, *others = columns(cells(group))
    style = _STYLES[group.verdict]
    line = Text.assemble(f"{name} ", (f"{verdict} ", style), " ".join(others))
    line.rstrip()
    console.print(line, soft_wrap=True)
    for reason in details(group):
        label, _, rest = reason.partition(": ")
        console.print(Text.assemble("  ", (f"{label}: ", style), rest), soft_wrap=True)
