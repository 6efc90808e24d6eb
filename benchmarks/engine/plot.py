"""The picture of the page: step times, training speed, growth."""

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt

from benchmarks.engine.sections import GROWTH_ROWS, samples_per_s
from benchmarks.engine.session import Outcome, median_s
from benchmarks.engine.workload import DRAWS

_OURS, _RIVAL = "#1b6ca8", "#b8bec6"
_LINES = {"window": "#7fb2d9", "spread": "#1b6ca8", "uniform": "#c0504d"}
_NAMES = {
    "ours": "Shardline",
    "ours on 2 hosts": "Shardline, 2 hosts",
    "bare": "Shardline, bare kernels",
    "fbgemm": "FBGEMM",
    "tensorflow keras": "Keras",
    "tensorflow by hand": "TensorFlow by hand",
    "torchrec": "TorchRec",
    "torchrec passive": "TorchRec, passive",
    "keras": "Keras",
}


def draw(outcome: Outcome, path: Path) -> None:
    """Draws what was measured.

    Args:
        outcome: of all sections.
        path: an .svg or .png file.
    """
    # The same measurements give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "shardline"
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.4), layout="constrained")
    for axis, section in zip(axes[0], ("headline", "wide"), strict=True):
        milliseconds = {
            _name(key): median_s(outcome.times, key) * 1e3
            for key in outcome.times
            if key.startswith(f"{section}/") and not key.endswith("/forward")
        }
        _bars(axis, milliseconds, f"Step, {section} shape (ms)")
    speeds = {
        _name(key): samples_per_s(outcome, key.removeprefix("clicks/"))
        for key in outcome.times
        if key.startswith("clicks/") and key.endswith("/train")
    }
    _bars(axes[1][0], speeds, "DLRM from records (examples/s)", less_is_better=False)
    _growth(axes[1][1], outcome)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, metadata=metadata, dpi=110)
    plt.close(figure)


def _name(key: str) -> str:
    _, program, what = key.split("/")
    name = f"{program} {what}" if program == "tensorflow" else program
    return _NAMES.get(name, name)


def _bars(
    axis: Any, values: dict[str, float], title: str, less_is_better: bool = True
) -> None:
    """Draws bars, the best one on top."""
    names = sorted(values, key=lambda name: values[name], reverse=less_is_better)
    colours = [_OURS if name.startswith("Shardline") else _RIVAL for name in names]
    drawn = axis.barh(names, [values[name] for name in names], color=colours)
    axis.bar_label(drawn, [f"{values[name]:,.0f}" for name in names], padding=3)
    axis.set_title(title, loc="left", fontsize=11)
    axis.margins(x=0.15)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(left=False, bottom=False, labelbottom=False)


def _growth(axis: Any, outcome: Outcome) -> None:
    for draw_name in DRAWS:
        milliseconds = [
            median_s(outcome.times, f"growth/{rows:.0e} rows/{draw_name}") * 1e3
            for rows in GROWTH_ROWS
        ]
        axis.plot(
            GROWTH_ROWS, milliseconds, "o-", color=_LINES[draw_name], label=draw_name
        )
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_title("Step by rows of the table (ms)", loc="left", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, title="ids from", loc="lower right")
