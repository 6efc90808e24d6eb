"""What is measured: the same run with 1 and with 2 worker processes, in turn."""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, at_least
from benchmarks.engine.session import FOLDER
from benchmarks.pipeline.workload import make_rows, write_config
from benchmarks.preprocess import session
from benchmarks.serving.session import Outcome, Section, table_of

_PROGRAMS = "benchmarks.pipeline.programs"
_WORKERS = (1, 2)
_STEPS = ("StatisticsGen", "Evaluator")
_LIMIT_S = 3600
_MIB = 2**20

Said = dict[str, Any]


def _measure(rounds: int) -> Outcome:
    data = make_rows()
    said: dict[str, list[Said]] = {str(workers): [] for workers in _WORKERS}
    versions: dict[str, str] = {}
    for number in range(rounds):
        for workers in _WORKERS if number % 2 == 0 else reversed(_WORKERS):
            one = _run(data, workers)
            versions |= one.pop("versions")
            said[str(workers)].append(one)
            print(
                f"  round {number + 1} of {rounds}, {workers}: {one['wall_s']:.0f} s, "
                f"{one['cpu_s']:.0f} s of processor",
                flush=True,
            )
    return Outcome({}, {"million": said}, versions)


def _run(data: Path, workers: int) -> Said:
    with tempfile.TemporaryDirectory(dir=FOLDER) as made:
        folder = Path(made).absolute()
        config = write_config(folder, data, workers)
        program = session.Program(
            f"{workers} worker processes",
            "whole_run",
            [config, folder / "run"],
            _LIMIT_S,
            _PROGRAMS,
        )
        said: Said = session.run(program)
        return said


def _seconds(one: Said, what: str) -> float:
    seconds: float = one["wall_s"] if what == "all" else one["steps"][what]
    return seconds


def _ratio(outcome: Outcome, what: str) -> float:
    """Returns the median over rounds of the time of 1 by that of 2."""
    said = outcome.found["million"]
    return statistics.median(
        _seconds(one, what) / _seconds(two, what)
        for one, two in zip(said["1"], said["2"], strict=True)
    )


def _bars(outcome: Outcome) -> list[Bar]:
    goals = {"StatisticsGen": 1.2, "Evaluator": 1.4, "all": 1.1}
    return [
        at_least(
            f"{'whole run' if what == 'all' else what}, 1 worker process over 2",
            _ratio(outcome, what),
            goal,
        )
        for what, goal in goals.items()
    ]


def _table(outcome: Outcome) -> str:
    said = outcome.found["million"]
    both = [said[str(workers)] for workers in _WORKERS]
    rows = [
        [
            "whole run" if what == "all" else what,
            *(_median(rounds, what) for rounds in both),
            f"{_ratio(outcome, what):.2f} x" if what in (*_STEPS, "all") else "",
        ]
        for what in (*said["1"][0]["steps"], "all")
    ]
    rows.append(["processor", *map(_cpu, both), ""])
    rows.append(["memory of all processes", *map(_memory, both), ""])
    return table_of(["", "1 process", "2 worker processes", "ratio"], rows)


def _median(rounds: list[Said], what: str) -> str:
    return f"{statistics.median(_seconds(one, what) for one in rounds):.1f} s"


def _cpu(rounds: list[Said]) -> str:
    return f"{statistics.median(one['cpu_s'] for one in rounds):.0f} s"


def _memory(rounds: list[Said]) -> str:
    return f"{max(one['peak_bytes'] for one in rounds) / _MIB:,.0f} MiB"


SECTIONS = {"million": Section("1,000,000 rows", _measure, _bars, _table)}
