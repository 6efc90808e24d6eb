"""What is measured: `shardline score` in threads and processes, and the model alone."""

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, at_least
from benchmarks.engine.session import FOLDER
from benchmarks.preprocess import session
from benchmarks.scoring.workload import Workload, make_workload
from benchmarks.serving.session import Outcome, Section, table_of
from shardline.components.machine.cores import usable_cores

_PROGRAMS = "benchmarks.scoring.programs"
_LIMIT_S = 1800
_MIB = 2**20
_ROOF = "model alone"
_COMMANDS = {
    "threads": [],
    "worker processes": [
        "--direct_running_mode=multi_processing",
        f"--direct_num_workers={usable_cores()}",
    ],
}

Said = dict[str, Any]


def _measure(rounds: int) -> Outcome:
    workload = make_workload()
    said: dict[str, list[Said]] = {name: [] for name in (_ROOF, *_COMMANDS)}
    versions: dict[str, str] = {}
    for number in range(rounds):
        for name in said if number % 2 == 0 else reversed(said):
            one = _run(name, workload)
            versions |= one.pop("versions")
            said[name].append(one)
            print(f"  round {number + 1} of {rounds}, {name}: {one}", flush=True)
    return Outcome({}, {"million": said}, versions)


def _run(name: str, workload: Workload) -> Said:
    if name == _ROOF:
        program = session.Program(name, "roof", list(workload), _LIMIT_S, _PROGRAMS)
        roof: Said = session.run(program)
        return roof
    made = Path(tempfile.mkdtemp(dir=FOLDER)).absolute()
    try:
        arguments = [*workload, made / "scores", *_COMMANDS[name]]
        program = session.Program(name, "command", arguments, _LIMIT_S, _PROGRAMS)
        said: Said = session.run(program)
        return said
    finally:
        shutil.rmtree(made)


def _rate(one: Said) -> float:
    """Returns rows a second of the job, without the imports of the command."""
    rate: float = one["rows"] / one["job_s"]
    return rate


def _roof(one: Said, signature: str) -> float:
    rate: float = 1 / one["s_of_a_row"][signature]
    return rate


def _ratio(outcome: Outcome, name: str, signature: str = "columns") -> float:
    """Returns the median over rounds of a job's rate by the roof's."""
    said = outcome.found["million"]
    return statistics.median(
        _rate(one) / _roof(roof, signature)
        for one, roof in zip(said[name], said[_ROOF], strict=True)
    )


def _bars(outcome: Outcome) -> list[Bar]:
    return [
        at_least(
            "rows a second by threads over those of the model alone",
            _ratio(outcome, "threads"),
            0.4,
        ),
        at_least(
            "rows a second by threads over those by worker processes",
            _ratio(outcome, "threads") / _ratio(outcome, "worker processes"),
            1.0,
        ),
    ]


def _table(outcome: Outcome) -> str:
    said = outcome.found["million"]
    rows = [
        [
            f"the model alone, `{signature}`",
            f"{statistics.median(_roof(one, signature) for one in said[_ROOF]):,.0f}",
            "",
            "",
            "",
        ]
        for signature in ("columns", "serving_default")
    ]
    rows += [
        [
            f"`shardline score`, {name}",
            f"{statistics.median(map(_rate, said[name])):,.0f}",
            f"{_ratio(outcome, name):.2f} x",
            f"{statistics.median(one['cpu_s'] for one in said[name]):.0f} s",
            f"{max(one['peak_bytes'] for one in said[name]) / _MIB:,.0f} MiB",
        ]
        for name in _COMMANDS
    ]
    head = ["", "rows/s", "of the model alone", "processor", "memory of a process"]
    return table_of(head, rows)


SECTIONS = {"million": Section("1,000,000 rows", _measure, _bars, _table)}
