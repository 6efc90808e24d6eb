"""What is measured: reading and preprocessing with side files, without, and rivals."""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.engine.session import FOLDER
from benchmarks.join.workload import Sizes
from benchmarks.preprocess import session
from benchmarks.serving.session import Outcome, Section, table_of

_PROGRAMS = "benchmarks.join.programs"
_LIMIT_S = 1800
_GIB = 2**30
# By section: what programs are called, and what is run.
_READING = {
    "joined": ("the reader, side file joined", "reading", "joined"),
    "plain": ("the reader, without the side file", "reading", "plain"),
    "wide": ("the reader, all columns in the rows", "reading", "wide"),
    "pandas": ("`pandas.read_csv` and `merge`", "pandas_merge"),
    "arrow": ("`pyarrow.csv` and `Table.join`", "arrow_join"),
}
_PREPROCESSING = {
    "joined": ("`preprocess`, side file joined", "preprocess", "joined"),
    "plain": ("`preprocess`, without the side file", "preprocess", "plain"),
}
_SECTIONS = {"reading": _READING, "preprocessing": _PREPROCESSING}

Said = dict[str, Any]


def measure(rounds: int, sizes: Sizes) -> Outcome:
    """Runs all programs in turn, so many rounds, on files that are made for it.

    Args:
        rounds: how often.
        sizes: of the files.

    Raises:
        ProgramError: if a program fails.
    """
    found: dict[str, Any] = {"sizes": sizes._asdict()}
    versions: dict[str, str] = {}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="join-") as made:
        folder = Path(made).absolute()
        arguments = [folder, *map(str, sizes)]
        session.run(session.Program("make", "make", arguments, _LIMIT_S, _PROGRAMS))
        for section, programs in _SECTIONS.items():
            said: dict[str, list[Said]] = {name: [] for name in programs}
            for number in range(rounds):
                for name in said if number % 2 == 0 else reversed(said):
                    _, module, *more = programs[name]
                    key = f"{section}/{name}"
                    program = session.Program(
                        key, module, [folder, *more], _LIMIT_S, _PROGRAMS
                    )
                    one: Said = session.run(program)
                    versions |= one.pop("versions")
                    said[name].append(one)
                    print(f"  round {number + 1} of {rounds}, {key}: {one}", flush=True)
            found[section] = said
    return Outcome({}, found, versions)


def _ratio(outcome: Outcome, section: str, other: str, what: str = "wall_s") -> float:
    """Returns the median over rounds of another's time by that of the join."""
    said = outcome.found[section]
    return statistics.median(
        one[what] / ours[what]
        for one, ours in zip(said[other], said["joined"], strict=True)
    )


def _peak(outcome: Outcome, section: str, name: str) -> float:
    return max(one["peak_bytes"] for one in outcome.found[section][name]) / _GIB


# Of each section: what is measured, and what it is compared with.
_ASKED = {
    "preprocessing": ("`preprocess`", "plain", "those without"),
    "reading": ("the reader", "wide", "those with all columns in the rows"),
}


def _bars(outcome: Outcome, section: str) -> list[Bar]:
    measured, rival, words = _ASKED[section]
    return [
        at_least(
            f"rows a second of {measured} with the side file over {words}",
            _ratio(outcome, section, rival),
            0.5,
        ),
        at_most(
            f"memory of {measured} with the side file",
            _peak(outcome, section, "joined"),
            3,
            "GiB",
        ),
    ]


def _table(outcome: Outcome, section: str) -> str:
    said, rows = outcome.found[section], outcome.found["sizes"]["rows"]
    lines = [
        [
            title,
            f"{statistics.median(rows / one['wall_s'] for one in said[name]):,.0f}",
            f"{_ratio(outcome, section, name):.2f} x",
            f"{statistics.median(one['cpu_s'] for one in said[name]):.1f} s",
            f"{_peak(outcome, section, name):.2f} GiB",
        ]
        for name, (title, *_) in _SECTIONS[section].items()
    ]
    head = ["", "rows/s", "joined, rows/s over these", "processor", "memory"]
    return table_of(head, lines)


def _section(name: str, title: str) -> Section:
    return Section(
        title,
        lambda rounds: measure(rounds, Sizes()),
        lambda outcome: _bars(outcome, name),
        lambda outcome: _table(outcome, name),
    )


SECTIONS = {
    "reading": _section("reading", "Reading"),
    "preprocessing": _section("preprocessing", "Preprocessing"),
}
