"""`shardline plan`: what the tables of a configuration will hold and cost."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from shardline.configs import load_job
from shardline.configs.outputs import downloads_folder
from shardline.pipeline.commands.console import console, failing_on, load, print_line
from shardline.pipeline.commands.options import Configuration, refused_if_remote
from shardline.pipeline.commands.temporary_folder import temporary_folder_removed
from shardline.pipeline.terminal.native_output import stderr_held_back
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.components.planner.report import FeatureIds, Plan


def plan(
    config: Configuration,
    hosts: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Hosts to split the rows of the tables over. "
            "Default: training.hosts of the configuration, the workers of its "
            "training.cluster, or 1. For training.tpu it must be given.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Examples in a batch. "
            "Default: training.batch_size of the configuration, or 1024.",
        ),
    ] = None,
    sparse_cores: Annotated[
        int, typer.Option(min=1, help="TPU SparseCores that share a batch.")
    ] = 4,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            callback=refused_if_remote,
            help="Also write the plan to this file.",
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            callback=refused_if_remote,
            help="Also draw the plan, as PNG files in this folder.",
        ),
    ] = None,
) -> None:
    """Read the training examples once, and report how large the tables will be.

    Counts the distinct values of each feature, and works out from them the rows
    and bytes of each table, the lookups of each host, and the limits that the
    SparseCores of a TPU need.
    """
    job = load(config, load_job)
    with stderr_held_back():
        from shardline.components.planner.make_plan import make_plan, training_setup
    downloads = downloads_folder(job.name)
    with failing_on(OSError, RuntimeError, ValueError):
        setup = training_setup(job, hosts, batch_size, sparse_cores)
        with (
            console.status("Reading") as status,
            stderr_held_back(),
            temporary_folder_removed(),
        ):
            finished, bad = make_plan(job, downloads, setup, status.update)
        _print_plan(finished, bad.lines())
        if json_file:
            _write_json(finished, json_file)
        if plots:
            from shardline.components.planner.plots import draw

            draw(finished, str(plots))


def _print_plan(plan: "Plan", left_out: Sequence[str]) -> None:
    """Prints a plan as tables, and below them what is odd about it, and its sums.

    Args:
        plan: the plan to print.
        left_out: lines that tell what was left out of the data.
    """
    print_table(_tables(plan), console)
    print_table(_lookups(plan), console)
    if all(ids.is_always_one for ids in plan.features.values()):
        console.print("Every feature has always one id a row.")
    else:
        print_table(_features(plan), console)
    print_table(_limits(plan), console)
    for line in [*left_out, *_warnings(plan)]:
        print_line(line, "yellow")
    print_line(_sums(plan))


def _sums(plan: "Plan") -> str:
    text = f"{plan.examples:,} examples; {_bytes(plan.row_bytes)} of rows, "
    text += f"{_bytes(plan.total_bytes)} with slots"
    if plan.hosts > 1:
        busiest = max(plan.host_shares) * plan.hosts
        text += f"; busiest of {plan.hosts} hosts {busiest:.2f} times the mean"
    return text


def _tables(plan: "Plan") -> Table:
    numbers = ["distinct", "rows", "bytes", "with slots"]
    table = _new_table(f"Tables of {plan.name}", ["table", "ids"], numbers)
    for name, table_plan in plan.tables.items():
        ids = (
            table_plan.ids.partition(", ")[0].replace("_buckets:", "").replace(":", "")
        )
        table.add_row(
            name,
            ids,
            f"{table_plan.distinct:,}",
            f"{table_plan.rows:,}",
            _bytes(table_plan.row_bytes),
            _bytes(table_plan.total_bytes),
        )
    return table


def _lookups(plan: "Plan") -> Table:
    numbers = ["hot (80 %)", "top 10", "out of\nvocab.", "collide"]
    numbers.append(f"busiest\nof {plan.hosts}")
    table = _new_table("Lookups", ["table"], numbers)
    for name, table_plan in plan.tables.items():
        table.add_row(
            name,
            f"{table_plan.hot_ids:,}",
            f"{table_plan.top_10:.0%}",
            _share(table_plan.out_of_vocabulary),
            _share(table_plan.colliding),
            f"{table_plan.imbalance:.2f}",
        )
    return table


def _features(plan: "Plan") -> Table:
    several = {n: ids for n, ids in plan.features.items() if not ids.is_always_one}
    ones = len(plan.features) - len(several)
    title = f"Ids a row ({ones} more features have always one)" if ones else "Ids a row"
    numbers = ["mean", "p50", "p99", "max", "cut off"]
    table = _new_table(title, ["feature", "table"], numbers)
    for name, ids in several.items():
        table.add_row(name, ids.table, *_feature_cells(ids))
    return table


def _feature_cells(ids: "FeatureIds") -> list[str]:
    numbers = (ids.p50, ids.p99, ids.most)
    return [
        f"{ids.mean:.2f}",
        *(f"{n:,}" for n in numbers),
        _share(ids.cut_off or None),
    ]


def _limits(plan: "Plan") -> Table:
    title = (
        f"SparseCore limits seen in {plan.sampled_batches} sampled batches of "
        f"{plan.sampled_examples // plan.sampled_batches:,}, {plan.sparse_cores} cores"
    )
    numbers = ["max_ids_per_partition", "max_unique_ids_per_partition"]
    table = _new_table(title, ["table"], numbers)
    for name, table_plan in plan.tables.items():
        limits = table_plan.limits
        table.add_row(
            name,
            f"{limits.max_ids_per_partition:,}",
            f"{limits.max_unique_ids_per_partition:,}",
        )
    return table


def _warnings(plan: "Plan") -> Iterator[str]:
    yield from plan.labels
    for name, table in plan.tables.items():
        if table.rows < table.needed_rows:
            yield (
                f"Table `{name}` needs {table.needed_rows:,} rows and has "
                f"`rows: {table.rows}`. Give it more, or fewer tokens by `max_tokens` "
                "or `min_count`."
            )
    if plan.sampled_examples < plan.batch_size:
        yield (
            f"There are {plan.sampled_examples:,} examples, less than one batch of "
            f"{plan.batch_size:,}: the limits are those of a smaller batch."
        )


def _new_table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for header in words:
        table.add_column(header)
    for header in numbers:
        table.add_column(header, justify="right", no_wrap=True)
    return table


def _share(share: float | None) -> str:
    if share is None:
        return "-"
    return f"{share:.1%}" if share else "0"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} B"


def _write_json(plan: "Plan", path: Path) -> None:
    """Writes a plan, whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(plan.model_dump_json(indent=2))
    scratch.replace(path)
