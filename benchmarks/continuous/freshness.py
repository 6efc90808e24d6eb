"""How AUC on what follows depends on how often a model is published."""

from typing import Any

from benchmarks.bars import Bar, at_least
from benchmarks.continuous.session import CONFIG, RUN, run
from benchmarks.serving.session import Outcome, Section, table_of
from shardline.components.readers import datasets
from shardline.configs import load_run
from shardline.pipeline.run_folder import RunFolder


def _measure(_: int) -> Outcome:
    archive = datasets.local_path(load_run(CONFIG).data, RunFolder(RUN.resolve()).data)
    said = run("freshness", "freshness", archive, limit_s=1800)
    return Outcome({}, {"freshness": said}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    intervals = outcome.found["freshness"]["intervals"]
    return [
        at_least(
            f"AUC published each {name} less AUC never published again, lower end of "
            "95 %",
            of["auc"]["less_never"]["interval"][0] * 1000,
            0,
            "AUC/1000",
        )
        for name, of in intervals.items()
        if name != "never"
    ]


def _table(outcome: Outcome) -> str:
    rows = []
    for name, of in outcome.found["freshness"]["intervals"].items():
        auc, entropy = of["auc"], of["normalized_entropy"]
        rows.append(
            [
                name,
                str(of["publications"]),
                str(of["steps"]),
                ", ".join(f"{value:.4f}" for value in auc["by_seed"]),
                f"{auc['mean']:.4f}",
                "{:.4f} to {:.4f}".format(*auc["interval"]),
                _difference(auc["less_never"]),
                _difference(auc["less_month"]),
                f"{entropy['mean']:.4f}",
            ]
        )
    header = ["published each", "publications", "steps", "AUC by seed", "mean"]
    header += ["95 % of it", "less never", "less each month", "NE"]
    return table_of(header, rows)


def _difference(of: dict[str, Any]) -> str:
    low, high = of["interval"]
    return f"{of['mean']:+.4f} ({low:+.4f} to {high:+.4f})"


SECTION = Section("The freshness curve", _measure, _bars, _table)
