"""What a benchmark of sections leaves behind: tables in the terminal, JSON, a page."""

import argparse
import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.bars import Bar, show_bars, table_of_bars
from benchmarks.engine.session import FOLDER, ProgramError
from benchmarks.machine import measured_on
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

    def arguments(
        self,
        description: str,
        *,
        has_rounds: bool = True,
        sizes: Mapping[str, int] | None = None,
    ) -> argparse.Namespace:
        """Returns the command line: `sections`, `report_only`, and what is asked for.

        Args:
            description: of the benchmark.
            has_rounds: whether there is `rounds`.
            sizes: options of how much is measured, and their defaults.
        """
        parser = argparse.ArgumentParser(description=description)
        names = ", ".join(self.sections)
        parser.add_argument("sections", nargs="*", help=f"of {names}; default: all")
        if has_rounds:
            parser.add_argument(
                "--rounds", type=int, default=3, help="default: %(default)s"
            )
        for name, default in (sizes or {}).items():
            parser.add_argument(
                f"--{name}", type=int, default=default, help="default: %(default)s"
            )
        parser.add_argument(
            "--report-only", action="store_true", help="measure nothing"
        )
        arguments = parser.parse_args()
        if unknown := set(arguments.sections) - set(self.sections):
            parser.error(f"no section {', '.join(sorted(unknown))}; there are {names}")
        return arguments

    def measured_at_once(
        self,
        arguments: argparse.Namespace,
        measure: Callable[[], Outcome],
        is_whole: Callable[[Outcome], bool] = lambda _: True,
    ) -> int:
        """Measures all sections together, keeps what comes out, and reports it.

        Args:
            arguments: as `arguments` gives them.
            measure: measures; a program that fails is told.
            is_whole: tells of what came out whether it belongs on the page.

        Returns:
            The exit code.
        """
        kept = FOLDER / f"{self.name}-times.json"
        console, errors = Console(), Console(stderr=True)
        try:
            if not arguments.report_only:
                load = os.getloadavg()[0]
                FOLDER.mkdir(parents=True, exist_ok=True)
                outcome = measure()
                sentence = measured_on(f"bench-{self.name}", outcome.versions, load)
                outcome.found["measured on"] = sentence
                kept.write_text(outcome.as_json())
            outcome = Outcome.from_json(kept.read_text())
        except (ProgramError, FileNotFoundError) as error:
            errors.print(str(error), style="red", markup=False, highlight=False)
            return 1
        sections = list(self.sections)
        return self.conclude(console, outcome, sections, is_whole=is_whole(outcome))

    def conclude(
        self,
        console: Console,
        outcome: Outcome,
        chosen: Sequence[str],
        *,
        is_whole: bool,
    ) -> int:
        """Shows sections, writes the report if all were measured; the exit code."""
        bars = self._bars(outcome, chosen)
        self.show(console, outcome, bars, chosen)
        if is_whole:
            for path in self.write(outcome, self._bars(outcome, self.sections)):
                console.print(f"Wrote {path}")
        missed = [bar.name for bar in bars if not bar.holds]
        if missed:
            console.print(f"{len(missed)} of {len(bars)} bars do not hold.")
        return 1 if missed else 0

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

    def _bars(self, outcome: Outcome, names: Iterable[str]) -> list[Bar]:
        return [bar for name in names for bar in self.sections[name].bars(outcome)]
