"""What it costs a step to keep in mind which rows were touched."""

import statistics

from benchmarks.bars import Bar, at_most
from benchmarks.checkpoint.session import SETS, run
from benchmarks.serving.session import Outcome, Section, table_of


def _measure(rounds: int) -> Outcome:
    found = [run("tracking", "tracking", SETS / "tracking") for _ in range(rounds)]
    return Outcome({}, {"tracking": found}, {})


def cost_of(said: dict[str, list[float]]) -> float:
    """Returns the median over pairs of steps of what tracking adds, as a part."""
    pairs = zip(said["tracked"], said["untracked"], strict=True)
    return statistics.median(tracked / untracked for tracked, untracked in pairs) - 1


def _bars(outcome: Outcome) -> list[Bar]:
    cost = statistics.median(map(cost_of, outcome.found["tracking"]))
    return [
        at_most("tracking touched rows, of the step time", max(cost, 0) * 100, 1, "%")
    ]


def _table(outcome: Outcome) -> str:
    rows = [
        [
            str(number),
            *(f"{statistics.median(said[key]) * 1e3:.2f} ms" for key in _STEPS),
            f"{cost_of(said) * 100:+.2f} %",
        ]
        for number, said in enumerate(outcome.found["tracking"], 1)
    ]
    return table_of(["process", *_STEPS, "cost"], rows)


_STEPS = ("untracked", "tracked")
SECTION = Section("26 tables x 100,000 x 64", _measure, _bars, _table)
