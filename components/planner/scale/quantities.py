"""A quantity: its name, its value in a unit, and where it comes from."""

from __future__ import annotations

from typing import Literal, NamedTuple

Unit = Literal["bytes", "bytes/s", "s", "cores", "", "share"]

_STEPS: dict[str, list[tuple[str, float]]] = {
    "bytes": [("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)],
    "s": [
        ("days", 86_400),
        ("h", 3600),
        ("min", 60),
        ("s", 1),
        ("ms", 1e-3),
        ("µs", 1e-6),
    ],
    "": [("billion", 1e9), ("million", 1e6), ("thousand", 1e3)],
}


class Quantity(NamedTuple):
    """A quantity.

    Attributes:
        name: of what.
        value: how much.
        unit: of the value.
        how: how it was worked out, in words.
    """

    name: str
    value: float
    unit: Unit
    how: str

    @property
    def text(self) -> str:
        """The value with its unit, three digits of it."""
        return shown(self.value, self.unit)


class Group(NamedTuple):
    """Quantities of one thing that runs.

    Attributes:
        title: what runs.
        quantities: of it.
    """

    title: str
    quantities: list[Quantity]


def shown(value: float, unit: Unit) -> str:
    """Returns a value with its unit, three digits of it."""
    if unit == "share":
        return f"{_digits(100 * value)} %"
    for name, size in _STEPS.get(unit.partition("/")[0], ()):
        if value >= 0.9995 * size:
            return f"{_digits(value / size)} {name}{'/s' if '/' in unit else ''}"
    return f"{_digits(value)} {unit}".rstrip()


def _digits(value: float) -> str:
    """Returns three digits of a value."""
    if value >= 1000 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.3g}"
