"""What is measured: four sections, each with its programs and its bars."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.engine.session import ProgramError
from benchmarks.preprocess.session import (
    Outcome,
    Program,
    cpu_ratio,
    measure,
    median_cpu_s,
    output_of,
    peak_bytes,
    run,
)
from benchmarks.preprocess.workload import (
    DISTINCT,
    ID_FEATURES,
    IDS_OF_A_ROW,
    NUMBERS,
    Records,
    write_configuration,
)

JOB = Records("clicks", 50_000)
SMALL, LARGE = Records("clicks", 200_000), Records("clicks", 1_000_000)
DISTINCT_IDS = 20_000_000
_DISTINCT = Records("distinct", DISTINCT_IDS // IDS_OF_A_ROW)
_LONG_S = 3600
_BAD_INPUTS = 7


class Section(NamedTuple):
    """Something that is measured.

    Attributes:
        title: what it is about.
        measure: runs its programs so many rounds; dumps profiles into a folder if one
            is given.
        bars: what was asked of what came out.
    """

    title: str
    measure: Callable[[int, Path | None], Outcome]
    bars: Callable[[Outcome], list[Bar]]


def _ours(records: Records, name: str = "ours") -> Program:
    return Program(name, "programs.ours", [write_configuration(records)], _LONG_S)


def _stock(records: Records, name: str = "stock TFT") -> Program:
    return Program(name, "programs.stock", [records.folder], _LONG_S)


def _make(records: Records) -> None:
    """Makes records, unless they are there."""
    name = f"records/{records.kind} {records.rows}"
    run(Program(name, "records", [records.kind, str(records.rows)], _LONG_S))


def _measure_job(rounds: int, profiles: Path | None) -> Outcome:
    _make(JOB)
    outcome = measure("job", [_stock(JOB), _ours(JOB)], rounds, profiles)
    folders = [output_of("job/ours"), output_of("job/stock TFT")]
    outcome.found["job"] = run(Program("job/compare", "programs.compare", folders))
    return outcome


def _job_bars(outcome: Outcome) -> list[Bar]:
    ratio = cpu_ratio(outcome, "job/stock TFT", "job/ours")
    agree = len(outcome.found["job"]["agree"])
    return [
        at_least("50,000 rows: stock TFT's processor time / ours", ratio, 5),
        at_least(
            "columns equal to stock TFT's",
            agree,
            len(ID_FEATURES) + len(NUMBERS),
            "columns",
        ),
    ]


def _measure_slope(_: int, profiles: Path | None) -> Outcome:
    outcome = Outcome({}, {}, {})
    for records in (SMALL, LARGE):
        _make(records)
        programs = [
            _stock(records, f"stock TFT, {records.rows:,} rows"),
            _ours(records, f"ours, {records.rows:,} rows"),
        ]
        outcome |= measure("slope", programs, 1, profiles)
    return outcome


def rows_per_cpu_s(outcome: Outcome, program: str) -> float:
    """Returns how many more rows a program gets through in a second more of a core."""
    small, large = (
        median_cpu_s(outcome, f"slope/{program}, {records.rows:,} rows")
        for records in (SMALL, LARGE)
    )
    return (LARGE.rows - SMALL.rows) / (large - small)


def _slope_bars(outcome: Outcome) -> list[Bar]:
    times = rows_per_cpu_s(outcome, "ours") / rows_per_cpu_s(outcome, "stock TFT")
    memory = peak_bytes(outcome, f"slope/ours, {LARGE.rows:,} rows") / 1e9
    return [
        at_least("rows a second and core, 200,000 to 1,000,000: x stock TFT", times, 3),
        at_most("peak memory of a process, 1,000,000 rows", memory, 2, "GB"),
    ]


def _measure_distinct(_: int, profiles: Path | None) -> Outcome:
    _make(_DISTINCT)
    outcome = measure("distinct", [_ours(_DISTINCT)], 1, profiles)
    assets = "ours/transform_graph/transform_fn/assets"
    with (output_of("distinct/ours") / assets / DISTINCT).open("rb") as vocabulary:
        tokens = sum(1 for _ in vocabulary)
    if tokens != DISTINCT_IDS:
        raise ProgramError(
            f"The vocabulary has {tokens:,} tokens, the records {DISTINCT_IDS:,}."
        )
    return outcome


def _distinct_bars(outcome: Outcome) -> list[Bar]:
    memory = peak_bytes(outcome, "distinct/ours") / 1e9
    return [
        at_most("peak memory of a process, 20 million distinct ids", memory, 4, "GB")
    ]


def _measure_bad_input(_: int, __: Path | None) -> Outcome:
    found = run(Program("bad input/ours", "programs.bad_input", []))
    return Outcome({}, {"bad input": found}, {})


def _bad_input_bars(outcome: Outcome) -> list[Bar]:
    behave = sum(case["behaves"] for case in outcome.found["bad input"])
    return [at_least("bad input refused, and skipped", behave, _BAD_INPUTS, "cases")]


SECTIONS = {
    "job": Section(
        "27 vocabularies and 13 z-scores of 50,000 rows", _measure_job, _job_bars
    ),
    "slope": Section(
        "the same of 200,000 and 1,000,000 rows", _measure_slope, _slope_bars
    ),
    "distinct": Section("20 million distinct ids", _measure_distinct, _distinct_bars),
    "bad-input": Section(
        "seven kinds of bad input", _measure_bad_input, _bad_input_bars
    ),
}
