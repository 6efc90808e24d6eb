"""What the benchmark leaves behind: a table in the terminal, JSON, a page, a plot."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.bars import Bar, show_bars, table_of_bars
from benchmarks.continuous.plot import draw
from benchmarks.continuous.sections import SECTIONS
from benchmarks.engine.session import FOLDER
from benchmarks.serving.session import Outcome

_JSON = FOLDER / "continuous.json"
_PAGE = Path("docs/benchmarks-continuous.md")
_PLOT = Path("docs/continuous-freshness.png")
_TEMPLATE = Path(__file__).with_name("page.md")
_REMARKS = Path(__file__).with_name("remarks.md")


def show(
    console: Console, outcome: Outcome, bars: Sequence[Bar], sections: Sequence[str]
) -> None:
    """Prints what came out of sections, and the bars as a table."""
    for name in sections:
        console.print(f"\n{name}: {SECTIONS[name].title}", highlight=False)
        table = SECTIONS[name].table(outcome)
        console.print(table, highlight=False, markup=False, soft_wrap=True)
    show_bars(console, bars)


def write(outcome: Outcome, bars: Sequence[Bar]) -> list[Path]:
    """Writes the report of all sections; returns its files."""
    _JSON.write_text(json.dumps([bar.as_json() for bar in bars], indent=2) + "\n")
    tables = {name: section.table(outcome) for name, section in SECTIONS.items()}
    filled = _TEMPLATE.read_text().format(
        measured_on=outcome.found["measured on"],
        bars=table_of_bars(bars),
        remarks=re.sub(r"<!--.*?-->\s*", "", _REMARKS.read_text()).strip(),
        **tables,
    )
    _PAGE.write_text(filled)
    draw(outcome, _PLOT)
    return [_JSON, _PAGE, _PLOT]
