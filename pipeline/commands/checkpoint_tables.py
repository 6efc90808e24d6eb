"""How `shardline checkpoint` shows sets: as tables and lines on a terminal."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from shardline.pipeline.commands.console import console, print_line
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.embedding.checkpoint.sets.checkup import Verdict
    from shardline.embedding.checkpoint.sets.comparison import Comparison, Difference
    from shardline.embedding.checkpoint.sets.folder import CheckpointSet
    from shardline.embedding.checkpoint.sets.inspection import TensorSummary
    from shardline.embedding.checkpoint.sets.listing import ListedSet, Listing

_MOST_CHARACTERS = 100


def print_listing(folder: Path, listing: "Listing") -> None:
    """Prints what lies in a folder of sets."""
    print_line(f"{folder}")
    if listing.sets:
        print_table(_sets(listing.sets), console)
    else:
        print_line("no checkpoint set")
    for one in listing.sets:
        if one.why:
            print_line(f"{one.name}: {one.why}", "yellow")
    for name in listing.rewound:
        print_line(f"{name}: sets that a rewind put away")
    if listing.held_by:
        print_line(f"{listing.held_by} saves to it")


def print_verdict(verdict: "Verdict") -> None:
    """Prints what came of verifying a set."""
    if verdict.is_good:
        print_line(f"{verdict.name}: good, {megabytes(verdict.bytes)} MB read")
        return
    print_line(f"{verdict.name}: damaged{', and marked so' * verdict.marked}", "red")
    for fault in verdict.faults:
        print_line(f"  {fault}")


def print_inspected(
    chain: Sequence["CheckpointSet"], tensors: Sequence["TensorSummary"]
) -> None:
    """Prints a set.

    Args:
        chain: the sets that make it up, it last.
        tensors: what its tables hold.
    """
    one = chain[-1]
    manifest, saving = one.manifest, one.manifest.saving
    print_line(f"{one.path}")
    print_line(
        f"{manifest.kind} set of step {manifest.step:,}, {megabytes(saving.bytes)} MB "
        f"in {manifest.hosts} host files, rows as {manifest.rows}"
    )
    print_line(
        f"written at {moment(saving.started)} UTC in {saving.seconds:,.2f} s; training "
        f"stood still for {saving.pause_seconds * 1000:,.1f} ms"
    )
    if one.is_pinned:
        print_line("pinned: retention leaves it alone")
    if len(chain) > 1:
        print_line(f"builds on {', '.join(each.name for each in chain[:-1])}")
    print_table(_tensors(one, tensors), console)
    for title, said in (("lineage", manifest.lineage), ("state", manifest.state)):
        for key, value in sorted(said.items()):
            print_line(f"{title}.{key}: {_shortened(value)}")


def print_differences(names: Sequence[str], comparison: "Comparison") -> None:
    """Prints what differs between two sets.

    Args:
        names: names of the two.
        comparison: what came of comparing them.
    """
    first, second = names
    if comparison.is_empty:
        print_line(f"{first} and {second} hold the same")
        return
    print_line(f"{first} and {second}:")
    for title, unit, found in (
        ("Tables", "Rows", comparison.tables),
        ("Variables", "Values", comparison.values),
    ):
        if found:
            print_table(_differences(title, unit, found), console)
        else:
            print_line(f"{title} are the same")
    for key, (before, after) in sorted(comparison.said.items()):
        print_line(f"{key}: {_shortened(before)} -> {_shortened(after)}")


def megabytes(count: int) -> str:
    """Returns a number of bytes as megabytes."""
    return f"{count / 1e6:,.2f}"


def moment(iso: str) -> str:
    """Returns a time as people read it, to the second, in UTC."""
    try:
        when = datetime.datetime.fromisoformat(iso)
    except ValueError:  # a manifest that another program wrote
        return iso
    return f"{when.astimezone(datetime.UTC):%Y-%m-%d %H:%M}"


def _sets(sets: Sequence["ListedSet"]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("Step", no_wrap=True)
    table.add_column("Kind", no_wrap=True)
    for name in ("Builds\non", "Hosts", "MB", "Rows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Written (UTC)", no_wrap=True)
    for name in ("Seconds", "Pause\nms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("State")
    for one in sets:
        state = f"{one.condition}{', pinned' * one.pinned}"
        if one.step is None:
            blank = [""] * 4
            table.add_row(one.name, "", "", "", megabytes(one.bytes), *blank, state)
            continue
        table.add_row(
            f"{one.step:,}",
            f"{one.kind}" + ("" if one.rows == "float32" else f" {one.rows}"),
            _step_of(one.parent),
            str(one.hosts),
            megabytes(one.bytes),
            f"{one.stored_rows:,}",
            moment(one.started or ""),
            f"{one.seconds:,.2f}",
            f"{(one.pause_seconds or 0) * 1000:,.1f}",
            state,
        )
    return table


def _tensors(one: "CheckpointSet", tensors: Sequence["TensorSummary"]) -> Table:
    table = _table("Tensor")
    for name in ("Rows", "Dim", "Stored", "Norm", "Least", "Greatest", "NaN", "Inf."):
        table.add_column(name, justify="right", no_wrap=True)
    for tensor in tensors:
        table.add_row(
            escape(f"{tensor.table}/{tensor.tensor}"),
            f"{tensor.rows:,}",
            str(tensor.dim),
            f"{one.manifest.tables[tensor.table].stored_rows:,}",
            f"{tensor.norm:.4g}",
            _number(tensor.least),
            _number(tensor.greatest),
            f"{tensor.nans:,}",
            f"{tensor.infinities:,}",
        )
    return table


def _differences(title: str, unit: str, found: Sequence["Difference"]) -> Table:
    table = _table(title)
    for name in (f"{unit}\ncompared", "Differ", "Largest\ndifference", "Not\nfinite"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Shape")
    for one in found:
        table.add_row(
            escape(one.name),
            f"{one.compared:,}",
            f"{one.differing:,}",
            f"{one.largest:.4g}" if one.compared else "",
            f"{one.not_finite:,}",
            _shapes(one),
        )
    return table


def _shapes(one: "Difference") -> str:
    first, second = one.first_shape, one.second_shape
    if first == second:
        return escape(str(first))
    if first is None or second is None:
        there = "first" if second is None else "second"
        return escape(f"only in the {there}: {first or second}")
    return escape(f"{first} and {second}")


def _table(*words: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in words:
        table.add_column(header, no_wrap=True)
    return table


def _step_of(name: str | None) -> str:
    """Returns the step in the name of a set."""
    return f"{int(name.split('-')[1]):,}" if name else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _shortened(value: Any) -> str:
    text = json.dumps(value)
    is_long = len(text) > _MOST_CHARACTERS
    return f"{text[:_MOST_CHARACTERS]} ..." if is_long else text
