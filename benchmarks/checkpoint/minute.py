"""What a set every minute costs the training of a DLRM."""

import shutil
import statistics
import subprocess
import sys
from typing import Any

from benchmarks.bars import Bar, at_most
from benchmarks.checkpoint.session import FOLDER, SETS, run
from benchmarks.engine.click_model import FILES
from benchmarks.serving.session import Outcome, Section, table_of

_FOLDER = SETS / "minute"
# Minutes of each kind in a round; a full set does not depend on how long training went.
_MINUTE_S = {"differential": 60, "full": 30, "none": 30}
# Within so many seconds of its beginning a save and what it leaves to training is over.
SAVE_WITHIN_S = 15
_A_MINUTE_S = 60


def _files() -> list[str]:
    """Returns the record files of the engine's benchmark; makes them if need be."""
    folder = FOLDER / "clicks"
    files = [folder / f"clicks-{i}-of-{FILES}.tfrecord" for i in range(FILES)]
    if not all(path.exists() for path in files):
        folder.mkdir(parents=True, exist_ok=True)
        module = "benchmarks.engine.click_records"
        subprocess.run([sys.executable, "-m", module, *map(str, files)], check=True)
    return [str(path) for path in files]


def _measure(rounds: int) -> Outcome:
    found = {}
    try:
        for kind, seconds in _MINUTE_S.items():
            shutil.rmtree(_FOLDER, ignore_errors=True)
            limits = ["--seconds", str(seconds)]
            found[kind] = run(
                f"minute/{kind}",
                "minutes",
                kind,
                _FOLDER,
                str(rounds),
                *_files(),
                *limits,
            )
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    return Outcome({}, {"minute": found}, {})


def cost_s(calls: list[float], within_s: float = SAVE_WITHIN_S) -> float:
    """Returns how much longer than usual the calls that a save may slow down took.

    Usual are the calls after them, in the same minute.

    Args:
        calls: seconds of each call of a minute; the save begins with the first.
        within_s: later calls know nothing of the save.
    """
    passed, beside = 0.0, []
    for call in calls:
        if passed < within_s:
            beside.append(call)
        passed += call
    usual_s = statistics.mean(calls[len(beside) :])
    return sum(beside) - len(beside) * usual_s


def cost_of(said: dict[str, Any]) -> float:
    """Returns the median cost of a minute's set, as a part of the minute."""
    return statistics.median(cost_s(calls) for calls in said["calls"]) / _A_MINUTE_S


def _bars(outcome: Outcome) -> list[Bar]:
    cost = cost_of(outcome.found["minute"]["differential"]) * 100
    return [at_most("cost of a set every minute, of training time", cost, 0.5, "%")]


def _table(outcome: Outcome) -> str:
    rows = []
    for kind, said in outcome.found["minute"].items():
        saved = said["saved"]
        size = statistics.median(one["bytes"] for one in saved) if saved else 0
        costs = [cost_s(calls) / _A_MINUTE_S * 100 for calls in said["calls"]]
        rows.append(
            [
                kind,
                " ".join(sorted({one["kind"] for one in saved})) or "-",
                f"{size / 1e9:.2f} GB" if saved else "-",
                f"{statistics.median(one['seconds'] for one in saved):.2f} s"
                if saved
                else "-",
                f"{statistics.median(costs):.2f} %",
                f"{min(costs):.2f} to {max(costs):.2f} %",
            ]
        )
    header = ["asked for", "saved", "bytes", "save", "cost of a minute", "minutes"]
    return table_of(header, rows)


SECTION = Section("a set every minute of a DLRM's training", _measure, _bars, _table)
