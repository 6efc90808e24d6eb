"""What is measured beside what: four sections, each with its programs and its bars."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.engine.click_model import BATCH, FILES, STEPS_OF_A_CALL
from benchmarks.engine.session import (
    FOLDER,
    RIVALS_PYTHON,
    Asking,
    Outcome,
    Program,
    measure,
    median_s,
    ratio,
)
from benchmarks.engine.workload import DRAWS, HEADLINE, MORE_IDS, WIDE, Workload

GROWTH_ROWS = (10**5, 10**6, 10**7, 10**8)
GROWTH = Workload(tables=1, dim=16, ids_per_example=10)
_RIVALS = str(RIVALS_PYTHON)
_STEP_AND_FORWARD = ("step", "forward")


class Section(NamedTuple):
    """A group of programs that are measured in turn.

    Attributes:
        title: what it is about.
        measure: runs its programs so many rounds.
        bars: what was asked of what came out.
    """

    title: str
    measure: Callable[[int], Outcome]
    bars: Callable[[Outcome], list[Bar]]


def _measure_headline(rounds: int) -> Outcome:
    shape = HEADLINE.as_json()
    programs = [
        Program("ours", "ours", [shape], _STEP_AND_FORWARD),
        Program("fbgemm", "fbgemm", [shape], _STEP_AND_FORWARD, _RIVALS),
        Program("bare", "bare_kernels", [shape], _STEP_AND_FORWARD),
        Program("tensorflow", "tensorflow_stock", [shape], ["keras", "by hand"]),
        Program("ours on 2 hosts", "ours", [shape, "--hosts", "2"], ["step"]),
        Program("keras-rs", "keras_rs", [shape], ["step"]),
    ]
    return measure("headline", programs, rounds)


def _headline_bars(outcome: Outcome) -> list[Bar]:
    def times_of(rival: str) -> float:
        return ratio(outcome.times, f"headline/{rival}", "headline/ours/step")

    forward = "headline/ours/forward", "headline/fbgemm/forward"
    return [
        at_least("step, headline: x FBGEMM", times_of("fbgemm/step"), 5),
        at_least("step, headline: x Keras", times_of("tensorflow/keras"), 15),
        at_least("step, headline: x keras-rs", times_of("keras-rs/step"), 15),
        at_least("step, headline: x stock by hand", times_of("tensorflow/by hand"), 5),
        at_most(
            "forward, headline: part of FBGEMM's", ratio(outcome.times, *forward), 0.7
        ),
        at_most("public API / bare kernels, headline", 1 / times_of("bare/step"), 1.15),
        at_most("two hosts / one, headline", times_of("ours on 2 hosts/step"), 1.25),
    ]


def _measure_wide(rounds: int) -> Outcome:
    shape = WIDE.as_json()
    programs = [
        Program("ours", "ours", [shape], _STEP_AND_FORWARD),
        Program("fbgemm", "fbgemm", [shape], _STEP_AND_FORWARD, _RIVALS),
        Program("bare", "bare_kernels", [shape], _STEP_AND_FORWARD),
        Program("tensorflow", "tensorflow_stock", [shape], ["keras", "by hand"]),
    ]
    return measure("wide", programs, rounds)


def _wide_bars(outcome: Outcome) -> list[Bar]:
    times = outcome.times
    rivals = ("fbgemm/step", "tensorflow/keras", "tensorflow/by hand")
    best = min(rivals, key=lambda rival: median_s(times, f"wide/{rival}"))
    forward = ratio(times, "wide/ours/forward", "wide/fbgemm/forward")
    bare = ratio(times, "wide/ours/step", "wide/bare/step")
    faster = ratio(times, f"wide/{best}", "wide/ours/step")
    return [
        at_least("step, wide: x the best rival", faster, 2.5),
        at_most("forward, wide: part of FBGEMM's", forward, 0.7),
        at_most("public API / bare kernels, wide", bare, 1.15),
    ]


def growth_shape(rows: int) -> Workload:
    """Returns the one table of the growth section with so many rows."""
    return dataclasses.replace(GROWTH, rows=rows)


def _measure_growth(rounds: int) -> Outcome:
    programs = []
    for rows in GROWTH_ROWS:
        # How a step grows with its ids is measured where little fits into the cache.
        more = rows == GROWTH_ROWS[-2]
        programs.append(
            Program(
                f"{rows:.0e} rows",
                "growth",
                [growth_shape(rows).as_json(), *["--more-ids"] * more],
                [*DRAWS, *(f"uniform x{times}" for times in MORE_IDS if more)],
            )
        )
    return measure("growth", programs, rounds, Asking(seconds=0.4))


def _growth_bars(outcome: Outcome) -> list[Bar]:
    times, (few, many) = outcome.times, (GROWTH_ROWS[0], GROWTH_ROWS[-1])
    grown = ratio(
        times, f"growth/{many:.0e} rows/spread", f"growth/{few:.0e} rows/spread"
    )
    place, most = f"growth/{GROWTH_ROWS[-2]:.0e} rows", MORE_IDS[-1]
    per_id = ratio(times, f"{place}/uniform x{most}", f"{place}/uniform") / most
    size = outcome.peak_bytes[f"growth/{many:.0e} rows"]
    return [
        at_most("step at 10^8 rows / at 10^5, same working set", grown, 1.3),
        at_most(f"cost of an id in a step of {most} times as many", per_id, 1.3),
        at_most("peak memory at 10^8 rows", size / 1e9, 24, "GB"),
        at_most(
            "peak memory / bytes of tables and slots, 10^8 rows",
            size / growth_shape(many).table_bytes,
            1.25,
        ),
    ]


def _click_files() -> list[str]:
    """Returns the record files; makes them if they are not there."""
    folder = FOLDER / "clicks"
    paths = [folder / f"clicks-{i}-of-{FILES}.tfrecord" for i in range(FILES)]
    files = [str(path) for path in paths]
    if not all(path.exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        module = "benchmarks.engine.click_records"
        subprocess.run([sys.executable, "-m", module, *files], check=True)
    return files


def _measure_clicks(rounds: int) -> Outcome:
    files = _click_files()
    torchrec = Program(
        "torchrec", "clicks_torchrec", [sys.executable, *files], ["train"], _RIVALS
    )
    programs = [
        Program("ours", "clicks_ours", files, ["train"]),
        torchrec,
        # Threads that wait without spinning leave the cores to the reading process.
        torchrec._replace(
            name="torchrec passive", environment={"OMP_WAIT_POLICY": "PASSIVE"}
        ),
        Program("our reader", "clicks_ours", [*files, "--read-only"], ["read"]),
        Program("keras", "clicks_keras", files, ["train"]),
    ]
    return measure("clicks", programs, rounds, Asking(seconds=6, calls=6))


def samples_per_s(outcome: Outcome, program: str) -> float:
    """Returns how many examples a program of the clicks section gets through."""
    return BATCH * STEPS_OF_A_CALL / median_s(outcome.times, f"clicks/{program}")


def _clicks_bars(outcome: Outcome) -> list[Bar]:
    def times_of(rival: str) -> float:
        return ratio(outcome.times, f"clicks/{rival}", "clicks/ours/train")

    torchrec = min(
        ("torchrec/train", "torchrec passive/train"),
        key=lambda program: median_s(outcome.times, f"clicks/{program}"),
    )
    return [
        at_least("training, DLRM: x Keras", times_of("keras/train"), 3),
        at_least("training, DLRM: x TorchRec", times_of(torchrec), 1.5),
        # Reading half as long as training leaves it a core to itself.
        at_least("reading alone, DLRM: x training", 1 / times_of("our reader/read"), 2),
    ]


SECTIONS = {
    "headline": Section("26 tables x 100,000 x 64", _measure_headline, _headline_bars),
    "wide": Section("8 tables x 2,000,000 x 32", _measure_wide, _wide_bars),
    "growth": Section("one table, dim 16", _measure_growth, _growth_bars),
    "clicks": Section("a DLRM from records", _measure_clicks, _clicks_bars),
}
