"""What a benchmark of sections leaves behind: tables in the terminal, JSON, a page."""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.bars import Bar, show_bars, table_of_bars
from benchmarks.engine.session import FOLDER
from benchmarks.serving.session import Outcome, Section


@dataclasses.dataclass(frozen=True)
class Report:
    """The report of one benchmark.

    Attributes:
        name: of its package, its JSON file and its page.
        sections: what is measured, by name.
        plot: where a plot goes, and what draws it; None: there is none.
    """

    name: str
    sections: Mapping[str, Section]
    plot: tuple[Path, Callable[[Outcome, Path], None]] | None = None

    def show(
        self,
        console: Console,
        outcome: Outcome,
        bars: Sequence[Bar],
        sections: Sequence[str],
    ) -> None:
        """Prints what came out of sections, and the bars as a table."""
        for name in sections:
            console.print(f"\n{name}: {self.sections[name].title}", highlight=False)
            table = self.sections[name].table(outcome)
            console.print(table, highlight=False, markup=False, soft_wrap=True)
        show_bars(console, bars)

    def write(self, outcome: Outcome, bars: Sequence[Bar]) -> list[Path]:
        """Writes the report of all sections; returns its files."""
        folder = Path(__file__).with_name(self.name)
        found = FOLDER / f"{self.name}.json"
        page = Path(f"docs/benchmarks-{self.name}.md")
        found.write_text(json.dumps([bar.as_json() for bar in bars], indent=2) + "\n")
        remarks = (folder / "remarks.md").read_text()
        filled = (
            (folder / "page.md")
            .read_text()
            .format(
                measured_on=outcome.found["measured on"],
                bars=table_of_bars(bars),
                remarks=re.sub(r"<!--.*?-->\s*", "", remarks).strip(),
                **{name: one.table(outcome) for name, one in self.sections.items()},
            )
        )
        page.write_text(filled)
        if self.plot is None:
            return [found, page]
        path, draw = self.plot
        draw(outcome, path)
        return [found, page, path]
