"""What the benchmarks leave behind: a table in the terminal, JSON, a page, a plot."""

import datetime
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.engine.bars import Bar
from benchmarks.engine.plot import draw
from benchmarks.engine.sections import samples_per_s
from benchmarks.engine.session import FOLDER, Outcome, median_s

_JSON = FOLDER / "engine.json"
_PAGE = Path("docs/benchmarks.md")
_PLOT = Path("docs/benchmarks-engine.svg")
_TEMPLATE = Path(__file__).with_name("page.md")
_REMARKS = Path(__file__).with_name("remarks.md")


def show(console: Console, outcome: Outcome, bars: Sequence[Bar]) -> None:
    """Prints all medians, and the bars as a table."""
    for key in outcome.times:
        console.print(f"{key}: {_median(outcome, key)}", highlight=False)
    table = Table("Bar")
    for column in ("Measured", "Asked", "Holds"):
        table.add_column(column, justify="right")
    for bar in bars:
        holds = "yes" if bar.holds else "[red]NO[/]"
        table.add_row(bar.name, bar.measured, bar.asked, holds)
    console.print(table)


def write(outcome: Outcome, bars: Sequence[Bar], measured_on: str) -> list[Path]:
    """Writes the report of all sections; returns its files.

    Args:
        outcome: what was measured.
        bars: what was asked.
        measured_on: a sentence on date, machine and versions.
    """
    _JSON.write_text(json.dumps([bar.as_json() for bar in bars], indent=2) + "\n")
    filled = _TEMPLATE.read_text().format(
        measured_on=measured_on,
        bars=_table_of_bars(bars),
        medians=_table_of_medians(outcome),
        remarks=re.sub(r"<!--.*?-->\s*", "", _REMARKS.read_text()).strip(),
    )
    _PAGE.write_text(filled)
    draw(outcome, _PLOT)
    return [_JSON, _PAGE, _PLOT]


def _table_of_bars(bars: Sequence[Bar]) -> str:
    rows = [
        f"| {b.name} | {b.measured} | {b.asked} | {'yes' if b.holds else 'no'} |"
        for b in bars
    ]
    return "\n".join(["| bar | measured | asked | holds |", "|---|--:|--:|---|", *rows])


def _table_of_medians(outcome: Outcome) -> str:
    lines = [
        "| section | program | what | median | peak memory |",
        "|---|---|---|--:|--:|",
    ]
    for key in outcome.times:
        section, program, what = key.split("/")
        memory = f"{outcome.peak_bytes[f'{section}/{program}'] / 1e9:.1f} GB"
        lines.append(
            f"| {section} | {program} | {what} | {_median(outcome, key)} | {memory} |"
        )
    return "\n".join(lines)


def _median(outcome: Outcome, key: str) -> str:
    if key.startswith("clicks/"):
        speed = samples_per_s(outcome, key.removeprefix("clicks/"))
        return f"{speed:,.0f} examples/s"
    return f"{median_s(outcome.times, key) * 1e3:,.1f} ms"


def measured_on(versions: Mapping[str, str], load: float) -> str:
    """Returns date, machine and versions as a sentence.

    Args:
        versions: by distribution.
        load: the machine's load average before the run.
    """
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", cpuinfo)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    listed = ", ".join(
        f"{name} {version}" for name, version in sorted(versions.items())
    )
    return (
        f"Measured by `make bench-engine` on {datetime.date.today():%Y-%m-%d}: "
        f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
        f"{memory:.0f} GiB, load average {load:.1f} before, Linux "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"{listed}."
    )
