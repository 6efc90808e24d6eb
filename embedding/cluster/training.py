"""Trains an engine on a cluster, saves checkpoint sets, and survives lost hosts.

    def build():
        engine = ...; model = ...; reader = ...
        return Training(engine, model_variables, step, reader.state, reader.resume)

    saving = SaveSettings(folder, every_steps=500, lineage={})
    train_through_losses(cluster, build, saving, steps=10_000)

Owns the order of things: build, restore the newest set, train, save, and all of it
again after a loss. Knows nothing of what is read: where the reader stood is JSON that
the caller gives and gets back. A training loop of another shape does the same with
`recovery.survive_losses`, and gives `SetSaver` the cluster's `run`.
"""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.restore import Restored, restore_newest
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.saved import SavedSet
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.cluster.cluster import Cluster
from shardline.embedding.cluster.recovery import (
    MOST_LOSSES,
    RECONNECT_WITHIN_S,
    Attempt,
    survive_losses,
)
from shardline.embedding.engine import TPUEmbedding

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Training:
    """What is trained, made anew for each attempt.

    Attributes:
        engine: over the cluster's hosts, and built.
        variables: all variables that are no tables, by any names, the same each time.
        step: trains on the next batch.
        state: returns what says how to go on after the steps done so far, such as the
            reader's position, as JSON has it.
        resume: called before the first step with the number of steps done and the state
            of then, which is None at the very beginning.
    """

    engine: TPUEmbedding
    variables: Mapping[str, tf.Variable]
    step: Callable[[], object]
    state: Callable[[], Mapping[str, Any]]
    resume: Callable[[int, Mapping[str, Any] | None], None]


@dataclasses.dataclass(frozen=True)
class SaveSettings:
    """How a training saves.

    Attributes:
        folder: where the sets go, on a file system that all hosts see by this path.
        every_steps: how often; the last step is always saved.
        lineage: digests of what the training depends on; a set of another lineage is
            not restored.
        keep: which sets are kept.
        differential: whether sets may hold touched rows only.
        on_saved: called by another thread when a set is on the disk.
    """

    folder: Path | str
    every_steps: int
    lineage: Mapping[str, str]
    keep: Keep | None = None
    differential: bool = True
    on_saved: Callable[[SavedSet], None] | None = None


def train_through_losses(
    cluster: Cluster,
    build: Callable[[], Training],
    saving: SaveSettings,
    *,
    steps: int,
    most_losses: int = MOST_LOSSES,
    reconnect_within_s: float = RECONNECT_WITHIN_S,
) -> Training:
    """Trains until so many steps are done and saved, whatever hosts are lost.

    Goes on from the newest good set in the folder, if there is one: so does a chief
    that is started again.

    Args:
        cluster: connected.
        build: makes everything that is trained. Called again after each loss, when
            all that it made before must be gone: no one else may keep a reference.
        saving: where to and how often.
        steps: how many steps the training takes altogether.
        most_losses: how many losses of hosts in a row may bring no newer set.
        reconnect_within_s: how long lost hosts may take to be back, in seconds.

    Returns:
        The training with all its steps done, which are saved.

    Raises:
        HostLostError: if hosts are not back in time, or are lost too often.
        SaveError: if a set could not be saved for another reason than a lost host.
        SetLockedError: if another process saves into the folder.
        ValueError: if the newest good set is of another lineage, or does not fit.
    """

    def train(attempt: Attempt) -> Training:
        return _trained(cluster, build, saving, steps, attempt)

    return survive_losses(
        cluster,
        train,
        most_losses=most_losses,
        reconnect_within_s=reconnect_within_s,
    )


def _trained(
    cluster: Cluster,
    build: Callable[[], Training],
    saving: SaveSettings,
    steps: int,
    attempt: Attempt,
) -> Training:
    """Builds, restores and trains once."""
    training = cluster.run(build)
    restored = _restored(cluster, training, saving)
    done = restored.step if restored else 0
    cluster.run(training.resume, done, restored.state if restored else None)
    attempt.resumes_from(done)
    with SetSaver(
        saving.folder,
        training.engine,
        lineage=saving.lineage,
        keep=saving.keep,
        differential=saving.differential,
        parent=restored.checkpoint_set if restored else None,
        on_saved=saving.on_saved,
        run=cluster.run,
    ) as saver:
        while done < steps:
            cluster.run(training.step)
            done += 1
            attempt.reached(done)
            saver.check()
            if done % saving.every_steps == 0:
                saver.save(done, training.variables, training.state())
        saver.wait()
        # Not saved yet if the save before it was still running.
        saver.save(done, training.variables, training.state())
        saver.wait()
    return training


def _restored(
    cluster: Cluster, training: Training, saving: SaveSettings
) -> Restored | None:
    return cluster.run(
        restore_newest,
        SetFolder(saving.folder),
        training.engine,
        training.variables,
        lineage=saving.lineage,
        on_damaged=_say_damaged,
    )


def _say_damaged(name: str, why: str) -> None:
    _log.warning("checkpoint set %s is damaged and is left out: %s", name, why)
