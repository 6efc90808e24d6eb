"""The picture of the page: saves and restores, ours and the rivals'."""

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt

from benchmarks.checkpoint.saving import OURS, numbers
from benchmarks.serving.session import Outcome

_OURS, _RIVAL = "#1b6ca8", "#b8bec6"
# What of each program is drawn: its title, in what unit, and how it is written.
_DRAWN = {
    "pause_s": ("Pause of training by a save (ms)", 1e3, "{:,.0f}"),
    "durable_s": ("Save of 2 GB, until it is durable (s)", 1, "{:.1f}"),
    "extra_bytes": ("Extra memory of a save (MB)", 1e-6, "{:,.0f}"),
    "restore_s": ("Restore of 2 GB from the disk (s)", 1, "{:.1f}"),
}


def draw(outcome: Outcome, path: Path) -> None:
    """Draws what was measured.

    Args:
        outcome: of all sections.
        path: an .svg or .png file.
    """
    # The same measurements give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "shardline"
    figure, axes = plt.subplots(2, 2, figsize=(10, 4.2), layout="constrained")
    shown = {name: numbers(outcome, name) for name in outcome.found["saving"]}
    for axis, (key, how) in zip(axes.flat, _DRAWN.items(), strict=True):
        _bars(axis, {name: of[key] for name, of in shown.items()}, *how)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, metadata=metadata, dpi=110)
    plt.close(figure)


def _bars(
    axis: Any, values: dict[str, float], title: str, unit: float, written: str
) -> None:
    """Draws bars, ours on top."""
    names = list(reversed(values))
    colours = [_OURS if name == OURS else _RIVAL for name in names]
    lengths = [values[name] * unit for name in names]
    drawn = axis.barh(names, lengths, color=colours)
    axis.bar_label(drawn, [written.format(length) for length in lengths], padding=3)
    axis.set_title(title, loc="left", fontsize=11)
    axis.margins(x=0.15)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(left=False, bottom=False, labelbottom=False)
