"""A bar: something measured, and what was asked of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table


class Bar(NamedTuple):
    """A bar.

    Attributes:
        name: what was measured.
        value: what came out.
        goal: what was asked.
        unit: of both; "x" for ratios.
        is_floor: whether the value must be at least the goal, else at most.
    """

    name: str
    value: float
    goal: float
    unit: str
    is_floor: bool

    @property
    def holds(self) -> bool:
        """Whether what was asked came out."""
        return self.value >= self.goal if self.is_floor else self.value <= self.goal

    @property
    def asked(self) -> str:
        """The goal as text."""
        return f"{'≥' if self.is_floor else '≤'} {self.goal:g} {self.unit}"

    @property
    def measured(self) -> str:
        """The value as text."""
        value = f"{self.value:.2f}" if self.value % 1 else f"{self.value:.0f}"
        return f"{value} {self.unit}"

    def as_json(self) -> dict[str, Any]:
        """Returns the bar as reports of benchmarks hold it."""
        return {
            "bar": self.name,
            "value": self.value,
            "goal": self.goal,
            "unit": self.unit,
            "holds": self.holds,
        }


def at_least(name: str, value: float, goal: float, unit: str = "x") -> Bar:
    """Returns a bar that holds from the goal on."""
    return Bar(name, value, goal, unit, is_floor=True)


def at_most(name: str, value: float, goal: float, unit: str = "x") -> Bar:
    """Returns a bar that holds up to the goal."""
    return Bar(name, value, goal, unit, is_floor=False)


def show_bars(console: Console, bars: Sequence[Bar]) -> None:
    """Prints bars as a table."""
    table = Table("Bar")
    for column in ("Measured", "Asked", "Holds"):
        table.add_column(column, justify="right")
    for bar in bars:
        holds = "yes" if bar.holds else "[red]NO[/]"
        table.add_row(bar.name, bar.measured, bar.asked, holds)
    console.print(table)


def table_of_bars(bars: Sequence[Bar]) -> str:
    """Returns bars as a table in Markdown."""
    rows = [
        f"| {b.name} | {b.measured} | {b.asked} | {'yes' if b.holds else 'no'} |"
        for b in bars
    ]
    return "\n".join(["| bar | measured | asked | holds |", "|---|--:|--:|---|", *rows])
