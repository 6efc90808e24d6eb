"""What a set every minute costs the training of the engine benchmark's DLRM.

    python -m benchmarks.checkpoint.programs.minutes KIND FOLDER MINUTES RECORDS ...

KIND is `full`, `differential` or `none`. Every minute begins with the save of a set.
Prints for each minute the times of the trainer's calls, and what was saved.
"""

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from benchmarks.checkpoint.trained import Sets
from benchmarks.engine import click_model
from benchmarks.engine.programs.clicks_ours import our_batches, our_learner
from benchmarks.serving.program import say_result_of
from shardline.components.model.dense_variables import plain_variables
from shardline.components.trainer.learner import Learner

_WARM_UP_S = 15


class _Training:
    """The DLRM in training; a step is a call of the trainer, of several batches."""

    def __init__(self, files: list[str]):
        learner = our_learner()
        self._learner, self._batches = learner, our_batches(files)
        self._batches_of_a_call = tf.constant(click_model.STEPS_OF_A_CALL)
        self.engine = learner.engine
        self.variables = _variables(learner)
        self.steps = 0

    def step(self) -> float:
        """Trains; returns the seconds it took."""
        start = time.perf_counter()
        float(self._learner.train(self._batches, self._batches_of_a_call))
        self.steps += click_model.STEPS_OF_A_CALL
        return time.perf_counter() - start


def _variables(learner: Learner) -> dict[str, tf.Variable]:
    """Returns by name all that training changes, but tables."""
    kept = {"model": learner.model, "optimizer": learner.optimizer}
    named = {
        f"{name}/{number}": variable
        for name, whole in kept.items()
        for number, variable in enumerate(plain_variables(whole))
    }
    return named | {"step": learner.step}


def main() -> dict[str, Any]:
    """Returns what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("full", "differential", "none"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("minutes", type=int)
    parser.add_argument("records", nargs="+")
    parser.add_argument("--seconds", type=float, default=60, help="of a minute")
    arguments = parser.parse_args()
    training = _Training(arguments.records)
    _train_for(_WARM_UP_S, training)
    if arguments.kind == "none":
        calls = [
            _train_for(arguments.seconds, training) for _ in range(arguments.minutes)
        ]
        return {"calls": calls, "saved": []}
    sets = Sets(
        training, arguments.folder, differential=arguments.kind == "differential"
    )
    with sets.saver:
        # Later sets hold what changed since this one.
        sets.begin()
        _train_for(arguments.seconds, training)
        sets.seconds()
        calls = []
        for _ in range(arguments.minutes):
            blocked_s = sets.begin()
            first, *others = _train_for(arguments.seconds - blocked_s, training)
            calls.append([blocked_s + first, *others])
            sets.seconds()
    return {
        "calls": calls,
        "saved": [dataclasses.asdict(saved) for saved in sets.saved[1:]],
    }


def _train_for(seconds: float, training: _Training) -> list[float]:
    """Returns the time of each call, for at least so many seconds."""
    calls: list[float] = []
    while sum(calls) < seconds:
        calls.append(training.step())
    return calls


if __name__ == "__main__":
    say_result_of(main)
