"""What the benchmarks leave behind: a table in the terminal, JSON, a page, a plot."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.bars import Bar, show_bars, table_of_bars
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
    show_bars(console, bars)


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
        bars=table_of_bars(bars),
        medians=_table_of_medians(outcome),
        remarks=re.sub(r"<!--.*?-->\s*", "", _REMARKS.read_text()).strip(),
    )
    _PAGE.write_text(filled)
    draw(outcome, _PLOT)
    return [_JSON, _PAGE, _PLOT]


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
