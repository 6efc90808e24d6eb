"""The picture of the page: AUC against the interval of publishing."""

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt

from benchmarks.serving.session import Outcome

_OURS, _SEED, _NEVER = "#1b6ca8", "#b8bec6", "#b04a3a"


def draw(outcome: Outcome, path: Path) -> None:
    """Draws the freshness curve.

    Args:
        outcome: of all sections.
        path: a .png or .svg file.
    """
    # The same measurements give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "shardline"
    intervals = dict(outcome.found["freshness"]["intervals"])
    never = intervals.pop("never")["auc"]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 4), layout="constrained", width_ratios=(1, 1)
    )
    names = list(intervals)
    _curve(left, names, [of["auc"] for of in intervals.values()])
    left.axhline(never["mean"], color=_NEVER, linestyle="--", linewidth=1)
    left.annotate(
        "never published again",
        (len(names) - 1, never["mean"]),
        textcoords="offset points",
        xytext=(0, 5),
        ha="right",
        color=_NEVER,
        fontsize=9,
    )
    left.set_title("AUC on what follows", loc="left", fontsize=11)
    _curve(right, names, [of["auc"]["less_never"] for of in intervals.values()])
    right.axhline(0, color=_NEVER, linestyle="--", linewidth=1)
    right.set_ylim(bottom=min(0, right.get_ylim()[0]))
    right.set_title("The same, less never published again", loc="left", fontsize=11)
    for axis in (left, right):
        axis.set_xlabel("published each")
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    figure.savefig(path, metadata=metadata, dpi=110)
    plt.close(figure)


def _curve(axis: Any, names: list[str], values: list[dict[str, Any]]) -> None:
    """Draws means with their intervals, and the seeds beside them."""
    places = range(len(names))
    means = [of["mean"] for of in values]
    ends = [of["interval"] for of in values]
    errors = [
        [mean - low for mean, (low, _) in zip(means, ends, strict=True)],
        [high - mean for mean, (_, high) in zip(means, ends, strict=True)],
    ]
    for place, of in zip(places, values, strict=True):
        seeds = of["by_seed"]
        axis.plot([place + 0.12] * len(seeds), seeds, ".", color=_SEED, zorder=1)
    axis.errorbar(places, means, errors, fmt="o-", color=_OURS, capsize=4, zorder=2)
    axis.set_xticks(places, names)
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)
