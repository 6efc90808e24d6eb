"""Is the model better than simple ones? AUC and normalized entropy on the same ids.

Trains the configured model once for each seed on the transformed examples of a finished
run, and fits baselines on them: logistic regression on every feature, one-hot or
multi-hot with the ids and weights that the model gets, with and without the user's id;
and each item's smoothed mean label. Baselines get the best of their settings, chosen on
the evaluation split in their favour; the model has those of its configuration only.

    python benchmarks/quality.py OUTPUT_DIR [--seeds 1 2 3] [--config FILE]

Ends with 1 if a seed does not beat every baseline. Writes build/bench/quality.json.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import scipy.sparse
from finished_run import FinishedRun, NoFinishedRunError, Split
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from shardline.components.evaluation.binary import (
    BinaryMetrics,
    Labels,
    undefined_by,
    undefined_lines,
)
from shardline.components.trainer.learner import new_learner
from shardline.components.trainer.loop import train_on_split
from shardline.components.trainer.training_sets import TrainingSets
from shardline.configs import Run, load_run
from shardline.embedding import configure_logical_hosts

_ITEM = "movie_id"
# Features that a model without a rate for each feature does better without.
_PERSONAL = ("user_id", "zip_prefix")
_PENALTIES = (0.03, 0.1, 0.3, 1.0)  # C of logistic regression
_PSEUDO_COUNTS = (1, 2, 5, 10, 20)  # examples of the mean label that each item gets
_REPORT = Path("build/bench/quality.json")


class Score(NamedTuple):
    """How well something predicts the evaluation split; `seconds` to train it."""

    name: str
    auc: float
    entropy: float
    seconds: float


def train_model(finished: FinishedRun, labels: np.ndarray, seed: int) -> Score:
    """Trains the configured model as the pipeline does, and scores it.

    Args:
        finished: what to train on.
        labels: float64 [examples], those of the evaluation split.
        seed: of all that is random.
    """
    run, start_s = finished.run, time.monotonic()
    training = run.training.model_copy(update={"seed": seed})
    learner = new_learner(run.feature_set, finished.rows, run.model, training)
    with tempfile.TemporaryDirectory() as folder:
        with TrainingSets(Path(folder), learner, training.checkpoint, {}) as sets:
            train_on_split(learner, finished.reader, finished.files, training, sets)
    seconds = time.monotonic() - start_s
    scores = learner.predict(finished.batches("eval"))
    return _score(f"Model, seed {seed}", labels, scores, seconds)


def logistic_regression(
    train: Split, evaluation: Split, without: Sequence[str] = ()
) -> Score:
    """Fits logistic regression for each penalty; returns the best on evaluation.

    Args:
        train: what to fit to.
        evaluation: what to score, and choose, on.
        without: features to leave out.
    """
    names = [name for name in train.inputs if name not in without]
    inputs = scipy.sparse.hstack([train.inputs[name] for name in names]).tocsr()
    unseen = scipy.sparse.hstack([evaluation.inputs[name] for name in names]).tocsr()
    left_out = f" without {', '.join(without)}" if without else ""
    scores = []
    for penalty in _PENALTIES:
        start_s = time.monotonic()
        model = LogisticRegression(C=penalty, max_iter=300).fit(inputs, train.labels)
        seconds = time.monotonic() - start_s
        predicted = model.predict_proba(unseen)[:, 1]
        name = f"Logistic regression{left_out}, C = {penalty:g}"
        scores.append(_score(name, evaluation.labels, predicted, seconds))
    return max(scores, key=lambda score: score.auc)


def item_mean(train: Split, evaluation: Split) -> Score:
    """Predicts each item's mean label, drawn to the mean of all by pseudo examples."""
    items = train.inputs[_ITEM]
    likes, ratings = items.T @ train.labels, items.T @ np.ones_like(train.labels)
    scores = []
    for pseudo in _PSEUDO_COUNTS:
        means = (likes + pseudo * train.labels.mean()) / (ratings + pseudo)
        name = f"Mean label of {_ITEM}, {pseudo} pseudo examples"
        predicted = evaluation.inputs[_ITEM] @ means
        scores.append(_score(name, evaluation.labels, predicted, 0.0))
    return max(scores, key=lambda score: score.auc)


def _score(name: str, labels: np.ndarray, scores: np.ndarray, seconds: float) -> Score:
    """Measures as the trainer and the evaluator do."""
    metrics = BinaryMetrics()
    metrics.add(labels, scores, np.ones_like(labels))
    found = metrics.result().values
    return Score(name, found["auc"], found["normalized_entropy"], seconds)


def check_labels(labels: np.ndarray) -> None:
    """Checks that an evaluation split can compare models.

    Args:
        labels: of the split, [examples].

    Raises:
        ValueError: if its labels leave AUC undefined.
    """
    counted = Labels()
    counted.add(labels, np.ones_like(labels))
    if counted.fault:
        raise ValueError("; ".join(undefined_lines(undefined_by(counted))))


def bars(
    run: Run, models: Sequence[Score], baselines: Sequence[Score]
) -> list[dict[str, Any]]:
    """Returns what was asked of the worst seed: {bar, value, goal, unit, holds}."""
    worst = min(score.auc for score in models)
    asked = [("AUC of the worst seed", worst, run.evaluation.min_auc)]
    for baseline in baselines:
        asked.append(
            (f"AUC of the worst seed over: {baseline.name}", worst, baseline.auc)
        )
    return [
        {"bar": bar, "value": value, "goal": goal, "unit": "AUC", "holds": value > goal}
        for bar, value, goal in asked
    ]


def show(console: Console, models: Sequence[Score], baselines: Sequence[Score]) -> None:
    """Prints all scores as one table."""
    table = Table("On the evaluation split")
    for column in ("AUC", "Normalized entropy", "Fit in s"):
        table.add_column(column, justify="right")
    means = np.mean([score[1:] for score in models], axis=0)
    mean = Score(f"Model, mean of {len(models)} seeds", *means)
    for score in (*models, mean, *baselines):
        table.add_row(
            score.name,
            f"{score.auc:.4f}",
            f"{score.entropy:.4f}",
            f"{score.seconds:.0f}",
            end_section=score is mean,
        )
    console.print(table)


def main() -> int:
    """Measures, reports, and returns the exit code."""
    parser = argparse.ArgumentParser(description="Compares the model with baselines.")
    parser.add_argument("output_dir", type=Path, help="of a finished run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--config", type=Path, default=Path("configs/movielens.yaml"))
    arguments = parser.parse_args()
    console = Console()
    try:
        run = load_run(arguments.config)
        configure_logical_hosts(run.training.hosts)
        finished = FinishedRun(run, arguments.output_dir)
        evaluation = finished.split("eval")
        check_labels(evaluation.labels)
    except (NoFinishedRunError, ValueError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        return 1
    with console.status("Fitting baselines"):
        train_split = finished.split("train")
        baselines = [
            logistic_regression(train_split, evaluation),
            logistic_regression(train_split, evaluation, without=_PERSONAL),
            item_mean(train_split, evaluation),
        ]
    models = []
    for seed in arguments.seeds:
        with console.status(f"Training with seed {seed}"):
            models.append(train_model(finished, evaluation.labels, seed))
    show(console, models, baselines)
    asked = bars(run, models, baselines)
    _REPORT.parent.mkdir(parents=True, exist_ok=True)
    _REPORT.write_text(json.dumps(asked, indent=2))
    holds = all(bar["holds"] for bar in asked)
    console.print(
        f"{'Every' if holds else 'NOT every'} seed reaches min_auc and beats every "
        f"baseline; worst margin over a baseline "
        f"{min(bar['value'] - bar['goal'] for bar in asked[1:]):+.4f} AUC."
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
