"""An engine that trains on fresh ids, and saves sets of itself."""

import time
from pathlib import Path
from typing import Any, Protocol

import tensorflow as tf

from benchmarks.checkpoint.workload import fresh_batches, touched_rows
from benchmarks.engine.programs.ours import new_engine, train_step
from benchmarks.engine.workload import Workload
from shardline.embedding import TPUEmbedding
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.restore import restore_newest
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.saved import SavedSet
from shardline.embedding.checkpoint.sets.saver import SetSaver

_BATCHES = 128


class Trained:
    """An engine of plain tables, and the ids it trains on.

    Attributes:
        engine: the engine.
        variables: what a set holds besides tables.
        steps: how many steps were made.
    """

    def __init__(self, workload: Workload, hosts: int = 1, batches: int = _BATCHES):
        """Makes tables and ids.

        Args:
            workload: what tables, and how many ids of each.
            hosts: over which the rows are split.
            batches: drawn ahead; steps take them in turn.
        """
        self.engine = new_engine(workload, hosts)
        self._workload = workload
        self._step = train_step(self.engine, workload)
        self._drawn = fresh_batches(workload, batches)
        self.variables = {"step": tf.Variable(0, dtype=tf.int64, trainable=False)}
        self.steps = 0

    def step(self) -> float:
        """Trains on the next batch; returns the seconds it took."""
        drawn = self._drawn[self.steps % len(self._drawn)]
        ids = [tf.constant(own) for own in drawn]
        start = time.perf_counter()
        self._step(ids)
        self.steps += 1
        return time.perf_counter() - start

    def touched_bytes(self, steps: int) -> tuple[int, int]:
        """Returns how many rows the last steps touched, and bytes of these and slots.

        Counted by the ids. No more steps than there are batches.
        """
        last = [
            self._drawn[k % len(self._drawn)]
            for k in range(self.steps - steps, self.steps)
        ]
        rows = touched_rows(self._workload, last)
        return rows, rows * self._workload.dim * 2 * 4


class Training(Protocol):
    """What trains and can be saved.

    Attributes:
        engine: holds the tables.
        variables: what a set holds besides tables, by name.
        steps: how many steps were made.
    """

    engine: TPUEmbedding
    variables: dict[str, tf.Variable]
    steps: int


class Sets:
    """Sets of one engine in one folder."""

    def __init__(self, trained: Training, folder: Path, *, differential: bool = False):
        """Opens the folder.

        Args:
            trained: what is saved.
            folder: where.
            differential: whether a set may hold touched rows only.
        """
        self._trained = trained
        self._durable_at: list[float] = []
        self.saved: list[SavedSet] = []
        self.saver = SetSaver(
            folder,
            trained.engine,
            lineage={},
            keep=Keep(last=1),
            differential=differential,
            on_saved=self._on_saved,
        )

    def begin(self) -> float:
        """Begins to save; returns the seconds for which it blocks.

        Raises:
            RuntimeError: if an earlier save still runs.
        """
        start = time.perf_counter()
        trained = self._trained
        if not self.saver.save(trained.steps, trained.variables, {}):
            raise RuntimeError("An earlier save still runs; nothing was measured.")
        self._began_at = start
        return time.perf_counter() - start

    @property
    def is_saving(self) -> bool:
        """Whether the last save is not durable yet."""
        return len(self._durable_at) < 1 or self._durable_at[-1] < self._began_at

    def seconds(self) -> float:
        """Waits until the last save is durable; returns the seconds since it began."""
        self.saver.wait()
        return self._durable_at[-1] - self._began_at

    def _on_saved(self, saved: SavedSet) -> None:
        self._durable_at.append(time.perf_counter())
        self.saved.append(saved)


def restore_newest_of(folder: Path, trained: Training) -> None:
    """Restores the newest set of a folder.

    Raises:
        RuntimeError: if there is none, or it is damaged.
    """

    def refuse(name: str, fault: str) -> None:
        raise RuntimeError(f"The set {name} is damaged: {fault}")

    found = restore_newest(
        SetFolder(folder),
        trained.engine,
        trained.variables,
        lineage={},
        on_damaged=refuse,
    )
    if found is None:
        raise RuntimeError(f"{folder} holds no complete set.")


def versions() -> dict[str, Any]:
    """Returns the versions of what is measured."""
    return {"tensorflow": tf.__version__}
