"""What a chief trains through the loss of hosts, and what it tells of it.

Its training has tables and slots on the hosts, a variable of its own, and a position in
the batches. It tells each event in a line of a file, so that a test knows when to kill.
"""

import logging
import sys
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.sets.reader import SetReader
from shardline.embedding.cluster import Cluster
from shardline.embedding.cluster.training import (
    SaveSettings,
    Training,
    train_through_losses,
)

sys.path.insert(0, str(Path(__file__).parent))

import scenario


class Events:
    """Lines of a file, one an event."""

    def __init__(self, path: str):
        self._file = open(path, "a")

    def __call__(self, *words: Any) -> None:
        print(*words, file=self._file, flush=True)


def train(
    cluster: Cluster,
    drawn: list[dict[str, list]],
    folder: str,
    events: str,
    *,
    every_steps: int,
    step_s: float = 0.0,
    read_s: float = 0.0,
    options: dict[str, Any] | None = None,
    **limits: Any,
) -> dict[str, Any]:
    """Trains on the batches; returns tables, slots and the variable, and the log.

    Args:
        cluster: connected.
        drawn: the batches.
        folder: of the checkpoint sets.
        events: the file that is told of events.
        every_steps: how often to save.
        step_s: how long to wait before each step.
        read_s: how long each piece of a restore takes more.
        options: of the scenario.
        **limits: of `train_through_losses`.
    """
    tell, log = Events(events), _Log()
    logging.getLogger("shardline.embedding.cluster").addHandler(log)
    _slow_down(SetReader, read_s)

    def build() -> Training:
        tables = scenario.Training(cluster.hosts, "Adagrad", **options or {})
        tables.fill()
        total = tf.Variable(0.0)
        position = [0]

        def step() -> None:
            time.sleep(step_s)
            found = tables.step(*scenario.inputs(drawn[position[0]]))
            total.assign_add(sum(map(tf.reduce_sum, tf.nest.flatten(found))))
            position[0] += 1
            tell("step", position[0])

        def resume(done: int, state: Any) -> None:
            position[0] = state["position"] if state else 0
            assert position[0] == done
            tell("resumed", done)

        tell("built")
        return Training(
            tables.engine,
            {"total": total},
            step,
            lambda: {"position": position[0]},
            resume,
        )

    settings = SaveSettings(
        folder,
        every_steps,
        lineage={"of": "this test"},
        on_saved=lambda saved: tell("saved", saved.step, saved.kind),
    )
    trained = train_through_losses(cluster, build, settings, steps=len(drawn), **limits)
    values = cluster.run(scenario.state, trained.engine)
    values["total"] = trained.variables["total"].numpy()
    return {"values": values, "log": log.lines}


class _Log(logging.Handler):
    """Keeps the text of what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _slow_down(reader: Any, seconds: float) -> None:
    read = reader.read

    def slow_read(*arguments: Any) -> Any:
        time.sleep(seconds)
        return read(*arguments)

    if seconds:
        reader.read = slow_read
