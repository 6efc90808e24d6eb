"""What the benchmark leaves behind: a table in the terminal, JSON, a page."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.bars import Bar, show_bars, table_of_bars
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
    show_bars(console, bars)


def write(outcome: Outcome, bars: Sequence[Bar]) -> list[Path]:
    """Writes the report of all sections; returns its files."""
    _JSON.write_text(json.dumps([bar.as_json() for bar in bars], indent=2) + "\n")
    largest = outcome.found["job"]["largest"]
    filled = _TEMPLATE.read_text().format(
        measured_on=outcome.found["measured on"],
        bars=table_of_bars(bars),
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
