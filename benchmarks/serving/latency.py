"""Latency of a model with float32, float16 and int8 tables, beside stock Keras."""

from pathlib import Path

from benchmarks.bars import Bar, at_most
from benchmarks.engine.session import Asking, Program, measure
from benchmarks.serving.requests import (
    PERCENTILES,
    SIZES,
    name_of,
    percentile_ratio,
    percentile_s,
)
from benchmarks.serving.session import (
    MODELS,
    PROGRAMS,
    Outcome,
    Section,
    made_models,
    table_of,
)
from benchmarks.serving.workload import PRECISIONS, RIVAL

_NAMES = (*PRECISIONS, RIVAL)
_ASKING = Asking(seconds=8, calls=400)
_ROUNDS_OF_A_PROCESS = 2


def _measure(rounds: int) -> Outcome:
    differences = made_models()
    programs = [
        Program(
            name,
            "answer",
            [str(MODELS / name), str(MODELS / "examples.tfrecord")],
            [name_of(size) for size in SIZES],
            package=PROGRAMS,
        )
        for name in _NAMES
    ]
    found = {
        "differences": differences,
        "bytes": {name: _bytes(MODELS / name / "variables") for name in _NAMES},
    }
    outcome = Outcome({}, {"latency": found}, {})
    # Where a process has its memory changes its times: fresh ones, again and again.
    for _ in range(rounds):
        asked = measure("latency", programs, _ROUNDS_OF_A_PROCESS, _ASKING)
        for key, times in asked.times.items():
            outcome.times.setdefault(key, []).extend(times)
        outcome.versions.update(asked.versions)
    return outcome


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _key(name: str, size: int) -> str:
    return f"latency/{name}/{name_of(size)}"


def _ratio(outcome: Outcome, of: str, to: str, size: int, percent: int) -> float:
    return percentile_ratio(outcome.times, _key(of, size), _key(to, size), percent)


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["latency"]
    sizes = found["bytes"]
    return [
        *(
            at_most(
                f"float32, {name_of(size)}, p{percent}: part of stock Keras's",
                _ratio(outcome, "float32", RIVAL, size, percent),
                1.0,
            )
            for size in SIZES
            for percent in PERCENTILES
        ),
        *(
            at_most(
                f"int8, {name_of(size)}, p50: part of float32's",
                _ratio(outcome, "int8", "float32", size, 50),
                1.5,
            )
            for size in SIZES
        ),
        at_most(
            "int8, dim 64: part of float32's bytes",
            sizes["int8"] / sizes["float32"],
            0.3,
        ),
        at_most(
            "float32: largest difference of a score to stock Keras's, in millionths",
            found["differences"][RIVAL] * 1e6,
            10,
            "",
        ),
    ]


def _table(outcome: Outcome) -> str:
    found = outcome.found["latency"]
    rows = []
    for name in _NAMES:
        cells = [name if name in PRECISIONS else "stock Keras"]
        for size in SIZES:
            for percent in PERCENTILES:
                took = percentile_s(outcome.times, _key(name, size), percent)
                cells.append(f"{took * 1e3:.2f} ms")
        cells.append(f"{found['bytes'][name] / 1e6:.1f} MB")
        cells.append(f"{found['differences'][name]:.1e}")
        rows.append(cells)
    header = [f"{name_of(size)}, p{p}" for size in SIZES for p in PERCENTILES]
    return table_of(["model", *header, "variables", "scores differ"], rows)


SECTION = Section("requests to a DLRM of dim 64", _measure, _bars, _table)
