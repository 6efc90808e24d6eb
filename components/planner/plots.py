"""A plan as pictures: frequencies of ids, ids a row, and balance over hosts."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from shardline.components.planner.report import FeatureIds, Plan, TablePlan

_BLUE, _RED, _GRAY = "#2463a8", "#c2452d", "#8a8f98"
_PANEL_INCHES = (2.5, 1.9)
_ROW_INCHES = 0.27
_WIDTH_INCHES = 8.5
_DPI = 120
_LABEL = 24


def draw(plan: Plan, folder: str) -> list[str]:
    """Draws all pictures that tell something.

    Args:
        plan: what to draw.
        folder: the folder to write PNG files to; made if need be.

    Returns:
        The files.
    """
    os.makedirs(folder, exist_ok=True)
    drawings: dict[str, Callable[[Plan], Figure]] = {"frequencies": frequencies}
    if not all(ids.is_always_one for ids in plan.features.values()):
        drawings["ids_per_row"] = ids_per_row
    if plan.hosts > 1:
        drawings["host_balance"] = host_balance
    files = []
    for name, make in drawings.items():
        files.append(os.path.join(folder, f"{name}.png"))
        make(plan).savefig(files[-1], dpi=_DPI)
    return files


def frequencies(plan: Plan) -> Figure:
    """Draws how often ids are looked up, by rank: a panel a table."""
    columns = min(5, max(2, math.ceil(math.sqrt(len(plan.tables)))))
    rows = math.ceil(len(plan.tables) / columns)
    width, height = columns * _PANEL_INCHES[0], rows * _PANEL_INCHES[1] + 0.9
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(
        f"{plan.name}: lookups of each id in {plan.examples:,} training examples\n"
        "ids left of the red line take 80 % of a table's lookups",
        fontsize=10,
    )
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for panel, (name, table) in zip(panels, plan.tables.items(), strict=False):
        _frequency_panel(panel, name, table)
    for panel in panels[len(plan.tables) :]:
        panel.set_visible(False)
    figure.supxlabel("rank of the id, most frequent first", fontsize=9)
    figure.supylabel("lookups", fontsize=9)
    return figure


def _frequency_panel(panel: Axes, name: str, table: TablePlan) -> None:
    ranks = [rank for rank, _ in table.frequencies]
    lookups = [count for _, count in table.frequencies]
    panel.set_title(_short(name), fontsize=9)
    panel.set_xscale("log")
    panel.set_yscale("log")
    if ranks:
        panel.plot(ranks, lookups, color=_BLUE, marker="o", markersize=1.8, lw=1.2)
        panel.axvline(table.hot_ids, color=_RED, lw=1)
        panel.set_xlim(0.7, max(10, ranks[-1]) * 1.5)
        panel.text(
            0.97,
            0.93,
            f"80 %: {table.hot_ids:,}\nof {ranks[-1]:,} ids",
            transform=panel.transAxes,
            ha="right",
            va="top",
            fontsize=7,
            color=_RED,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(LogLocator(numticks=5))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(_counted))
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.25, lw=0.5)


def ids_per_row(plan: Plan) -> Figure:
    """Draws how many ids a row has in each feature."""
    features = {
        name: ids for name, ids in plan.features.items() if not ids.is_always_one
    }
    single = len(plan.features) - len(features)
    figure, axes = _rows_figure(len(features))
    for row, ids in enumerate(features.values()):
        _length_row(axes, row, ids)
    _label_rows(axes, [_short(name) for name in features])
    axes.set_xscale("symlog", linthresh=1)
    most = max(ids.most for ids in features.values())
    axes.set_xlim(-0.15, max(2, most) * 1.6)
    axes.xaxis.set_major_formatter(FuncFormatter(_counted))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("ids a row")
    more = f"; {single} more features have always one" if single else ""
    axes.set_title(
        f"{plan.name}: ids a row in {plan.examples:,} training examples{more}\n"
        "bar: 1st to 99th percentile, thick: 25th to 75th, point: median, cross: most",
        fontsize=10,
    )
    return figure


def _length_row(axes: Axes, row: int, ids: FeatureIds) -> None:
    at = ids.percentiles
    axes.hlines(row, at[1], at[99], color=_BLUE, lw=2, alpha=0.55)
    axes.hlines(row, at[25], at[75], color=_BLUE, lw=6)
    axes.plot(at[50], row, "o", color="white", markeredgecolor=_BLUE, markersize=5)
    axes.plot(ids.most, row, "x", color=_RED, markersize=5)


def host_balance(plan: Plan) -> Figure:
    """Draws the lookups of each host over the mean of all hosts."""
    shares = {"all tables": plan.host_shares}
    shares |= {_short(name): table.host_shares for name, table in plan.tables.items()}
    figure, axes = _rows_figure(len(shares))
    for row, of_hosts in enumerate(shares.values()):
        relative = [share * plan.hosts for share in of_hosts]
        color = _GRAY if row == 0 else _BLUE
        axes.barh(row, max(relative), height=0.6, color=color, alpha=0.45)
        axes.plot(relative, [row] * len(relative), "|", color="black", markersize=8)
        axes.annotate(
            f"{max(relative):.2f}",
            (max(relative), row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.axvline(1, color=_RED, lw=1)
    _label_rows(axes, list(shares))
    axes.set_xlim(0, plan.hosts * 1.12)
    axes.set_xlabel("lookups of a host, mean of all hosts = 1")
    axes.set_title(
        f"{plan.name}: balance of lookups over {plan.hosts} hosts\n"
        "bar: the busiest host, strokes: every host, red line: even",
        fontsize=10,
    )
    return figure


def _rows_figure(rows: int) -> tuple[Figure, Axes]:
    height = 1.4 + _ROW_INCHES * max(3, rows)
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
    return figure, figure.subplots()


def _label_rows(axes: Axes, labels: list[str]) -> None:
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(max(3, len(labels)) - 0.4, -0.6)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.25, lw=0.5)


def _counted(value: float, _: int) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _short(name: str) -> str:
    return name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"
