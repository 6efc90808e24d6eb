"""What the benchmark leaves behind: a table in the terminal, JSON, a page."""

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
from benchmarks.engine.session import FOLDER
from benchmarks.preprocess.sections import rows_per_cpu_s
from benchmarks.preprocess.session import Outcome, peak_bytes

_JSON = FOLDER / "preprocess.json"
_PAGE = Path("docs/benchmarks-preprocess.md")
_TEMPLATE = Path(__file__).with_name("page.md")
_REMARKS = Path(__file__).with_name("remarks.md")


def show(console: Console, outcome: Outcome, bars: Sequence[Bar]) -> None:
    """Prints what was found, and the bars as a table."""
    for name, difference in outcome.found.get("job", {}).get("differ", {}).items():
        console.print(f"{name}: {difference}", highlight=False)
    for case in outcome.found.get("bad input", []):
        if not case["behaves"]:
            console.print(f"{case['name']}: {case['said']}", markup=False)
    table = Table("Bar")
    for column in ("Measured", "Asked", "Holds"):
        table.add_column(column, justify="right")
    for bar in bars:
        holds = "yes" if bar.holds else "[red]NO[/]"
        table.add_row(bar.name, bar.measured, bar.asked, holds)
    console.print(table)


def write(outcome: Outcome, bars: Sequence[Bar]) -> list[Path]:
    """Writes the report of all sections; returns its files."""
    _JSON.write_text(json.dumps([bar.as_json() for bar in bars], indent=2) + "\n")
    largest = outcome.found["job"]["largest"]
    filled = _TEMPLATE.read_text().format(
        measured_on=outcome.found["measured on"],
        bars=_table_of_bars(bars),
        programs=_table_of_programs(outcome),
        our_rows=f"{rows_per_cpu_s(outcome, 'ours'):,.0f}",
        stock_rows=f"{rows_per_cpu_s(outcome, 'stock TFT'):,.0f}",
        scores=f"{largest['z-scores']:.1e}",
        moments=f"{largest['moments']:.1e}",
        bad_input=_table_of_bad_input(outcome),
        remarks=re.sub(r"<!--.*?-->\s*", "", _REMARKS.read_text()).strip(),
    )
    _PAGE.write_text(filled)
    return [_JSON, _PAGE]


def _table_of_bars(bars: Sequence[Bar]) -> str:
    rows = [
        f"| {b.name} | {b.measured} | {b.asked} | {'yes' if b.holds else 'no'} |"
        for b in bars
    ]
    return "\n".join(["| bar | measured | asked | holds |", "|---|--:|--:|---|", *rows])


def _table_of_programs(outcome: Outcome) -> str:
    lines = [
        "| section | program | processor, by round | wall, by round | peak memory |",
        "|---|---|--:|--:|--:|",
    ]
    for key, rounds in outcome.took.items():
        section, program = key.split("/")
        processor = ", ".join(f"{took.cpu_s:.1f}" for took in rounds)
        wall = ", ".join(f"{took.wall_s:.1f}" for took in rounds)
        memory = f"{peak_bytes(outcome, key) / 1e9:.2f} GB"
        lines.append(f"| {section} | {program} | {processor} s | {wall} s | {memory} |")
    return "\n".join(lines)


def _table_of_bad_input(outcome: Outcome) -> str:
    rows = [
        f"| {case['name']} | {case['said']} | {case['skipped']} |"
        for case in outcome.found["bad input"]
    ]
    return "\n".join(["| input | error | with `skip` |", "|---|---|---|", *rows])


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
        f"Measured by `make bench-preprocess` on {datetime.date.today():%Y-%m-%d}: "
        f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
        f"{memory:.0f} GiB, load average {load:.1f} before, Linux "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"{listed}."
    )
