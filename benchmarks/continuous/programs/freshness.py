"""Scores what follows each publication, at several intervals of publishing.

    python -m benchmarks.continuous.programs.freshness ARCHIVE [--seeds 1 2 3]

A model learns October and November 1997. From December on, what happens until the next
publication is scored by the model that is published, and then learnt: that is a run in
spans. All scores of a seed and an interval are judged together; confidence intervals
are of the mean over seeds, users drawn anew.
"""

import argparse
import datetime
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.continuous.living_model import LivingModel
from benchmarks.continuous.stream import Stream
from benchmarks.serving.program import say_result_of
from shardline.components.evaluation.bootstrap import (
    Examples,
    Scored,
    interval,
    scored,
)
from shardline.configs import load_run
from shardline.configs.schema import Run
from shardline.embedding import configure_logical_hosts

_CONFIG = Path("configs/movielens_monthly.yaml")
_FROM, _PUBLISHED_FROM = "1997-10-01", "1997-12-01"
# A day has 400 examples in the mean.
_BATCH = 128
NEVER, MONTH, DAY = "never", "month", "day"
INTERVALS = (NEVER, MONTH, "half month", "week", DAY)
_RESAMPLES = 500
_METRICS = ("auc", "normalized_entropy")


def main() -> dict[str, Any]:
    """Measures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    run = load_run(_CONFIG)
    configure_logical_hosts(run.training.hosts)
    training = run.training.model_copy(update={"batch_size": _BATCH})
    run = run.model_copy(update={"training": training})
    history = run.data.options["history_length"]
    stream = Stream(
        arguments.archive, run.feature_set, run.data.label, history, _time(_FROM)
    )
    return measured(run, stream, arguments.seeds)


def measured(run: Run, stream: Stream, seeds: list[int]) -> dict[str, Any]:
    """Returns what came out for each interval.

    Args:
        run: the configuration.
        stream: the examples.
        seeds: of training.
    """
    rest = stream.between(_time(_PUBLISHED_FROM), int(stream.times[-1]) + 1)
    scores: dict[str, list[np.ndarray]] = {name: [] for name in INTERVALS}
    facts: dict[str, Any] = {}
    for seed in seeds:
        model = LivingModel(run, stream, seed)
        model.update(range(rest.start))
        begun = model.moment()
        for name in INTERVALS:
            model.become(begun)
            found, facts[name] = _scored(model, stream, rest, name)
            scores[name].append(found)
    labels = stream.labels[rest.start : rest.stop].astype(np.float64)
    users = stream.users[rest.start : rest.stop]
    examples = Examples(labels, np.ones_like(labels), users, "user_id")
    judged = {
        name: [scored(examples, of, _RESAMPLES) for of in each]
        for name, each in scores.items()
    }
    others = {name: judged[name] for name in (NEVER, MONTH)}
    return {
        "seeds": seeds,
        "examples": len(rest),
        "intervals": {
            name: {**facts[name], **_judged(each, others)}
            for name, each in judged.items()
        },
    }


def _judged(
    of_seeds: list[Scored], others: Mapping[str, list[Scored]]
) -> dict[str, Any]:
    """Returns metrics by seed, their mean, and less those of others, with intervals."""
    told: dict[str, Any] = {}
    for metric in _METRICS:
        values, resampled = _of(of_seeds, metric)
        told[metric] = {
            "by_seed": values.tolist(),
            "mean": float(values.mean()),
            "interval": interval(resampled),
        }
        for name, of_others in others.items():
            usual, usual_resampled = _of(of_others, metric)
            told[metric][f"less_{name}"] = {
                "by_seed": (values - usual).tolist(),
                "mean": float((values - usual).mean()),
                "interval": interval(resampled - usual_resampled),
            }
    return told


def _of(of_seeds: list[Scored], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns a metric by seed, and its mean over the seeds by resample."""
    resampled = np.mean([one.resampled[metric] for one in of_seeds], axis=0)
    return np.array([one.values[metric] for one in of_seeds]), resampled


def _scored(
    model: LivingModel, stream: Stream, rest: range, name: str
) -> tuple[np.ndarray, Mapping[str, int]]:
    """Returns the scores of all that follows, and what publishing took."""
    scores, publications, steps, first = [], 0, 0, rest.start
    for part in periods(stream, rest, name):
        scores.append(model.scores(part))
        # Less than a batch waits for the next publication; after the last is nothing.
        if name != NEVER and part.stop < rest.stop and part.stop - first >= _BATCH:
            steps += model.update(range(first, part.stop))
            publications += 1
            first = part.stop
    return np.concatenate(scores), {"publications": publications, "steps": steps}


def periods(stream: Stream, rest: range, name: str) -> Iterator[range]:
    """Yields the examples between publications.

    Args:
        stream: the examples.
        rest: those that are published for.
        name: of the interval.
    """
    days = stream.times[rest.start : rest.stop] // 86_400
    keys = np.array([_period(int(day), name) for day in days])
    starts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(rest)]
    for start, stop in itertools.pairwise(starts):
        yield range(rest.start + start, rest.start + stop)


def _period(day: int, name: str) -> int:
    """Returns a number that the days of one period share; days since 1970."""
    date = datetime.date(1970, 1, 1) + datetime.timedelta(day)
    month = date.year * 12 + date.month
    of = {
        NEVER: 0,
        MONTH: month,
        "half month": 2 * month + (date.day > 15),
        "week": (day - _time(_PUBLISHED_FROM) // 86_400) // 7,
        DAY: day,
    }
    return of[name]


def _time(date: str) -> int:
    return int(
        datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.UTC).timestamp()
    )


if __name__ == "__main__":
    say_result_of(main)
