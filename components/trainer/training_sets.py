"""The checkpoint sets of a training: when they fall due, and going on from the newest.

A set is saved between two calls into TensorFlow. Beside what the training's variables
hold, it has the training's own state: how far it has read, and what early stop knows.
"""

import collections
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.components.trainer.learner import Learner
from shardline.components.trainer.placement.logical import OnlyAttempt
from shardline.components.trainer.placement.placement import Attempt
from shardline.configs.schema import Checkpoint
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.reader import SetDamagedError
from shardline.embedding.checkpoint.sets.restore import restore_newest, restore_set
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.saved import SavedSet
from shardline.embedding.checkpoint.sets.saver import SetSaver

_log = logging.getLogger("shardline.trainer")


class TrainingSets:
    """Saves a learner in one folder, and restores it from there.

    Attributes:
        begun_from: the set that the training goes on from; None if it begins.
        state: what the training said of itself in that set; empty if it begins.
    """

    def __init__(
        self,
        folder: Path,
        learner: Learner,
        settings: Checkpoint,
        lineage: Mapping[str, str],
        attempt: Attempt | None = None,
    ):
        """Restores the newest whole set, if there is one, and takes the folder.

        Args:
            folder: the sets of this training.
            learner: as it was made.
            settings: when to save, and what to keep.
            lineage: digests of what the training depends on.
            attempt: is told from which step training goes on, and which it reaches;
                None: nobody is.

        Raises:
            SetDamagedError: if there are sets, and none is whole. All are marked then,
                and the learner holds parts of them: make another.
            SetLockedError: if another process trains here.
            ValueError: if the newest set is of another lineage.
            OSError: if the folder cannot be written.
        """
        self._folder = SetFolder(folder)
        self._learner = learner
        self._settings = settings
        self._lineage = lineage
        self._attempt = attempt or OnlyAttempt()
        self._saved: collections.deque[SavedSet] = collections.deque()
        self._began_s = time.monotonic()
        self._is_due = False
        self._pinned_step: int | None = None
        restored = learner.run(
            restore_newest,
            self._folder,
            learner.engine,
            learner.set_variables(),
            lineage=lineage,
            on_damaged=_report_damaged,
        )
        self.state = dict(restored.state) if restored else {}
        self.begun_from = restored.checkpoint_set if restored else None
        self._saver = SetSaver(
            folder,
            learner.engine,
            lineage=lineage,
            keep=Keep(settings.keep.last, settings.keep.every_steps),
            differential=settings.differential,
            parent=self.begun_from,
            on_saved=self._on_saved,
            run=learner.run,
        )
        self._attempt.resumes_from(self.begun_from.step if self.begun_from else 0)

    def __enter__(self) -> "TrainingSets":
        """Returns the sets."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Waits for a running save and gives the folder free."""
        self._saver.close()
        self._report()

    @property
    def every_steps(self) -> int | None:
        """A call into TensorFlow shall end at each multiple of so many steps."""
        return self._settings.every_steps

    @property
    def newest_step(self) -> int | None:
        """The step of the newest set that is on the disk; None before the first."""
        newest = self._saver.newest
        return newest.step if newest else None

    def save_if_due(self, step: int, state: Mapping[str, Any]) -> None:
        """Begins a save if it is time and none is running.

        Args:
            step: that training has come to.
            state: what else the training needs to go on.

        Raises:
            SaveError: if a save has failed, this one or an earlier one.
        """
        self._attempt.reached(step)
        self._saver.check()
        self._report()
        every, seconds = self._settings.every_steps, self._settings.seconds
        if every and step % every == 0:
            self._is_due = True
        if seconds and time.monotonic() - self._began_s >= seconds:
            self._is_due = True
        if self._is_due:
            self._begin(step, state, pinned=False)

    def save(
        self, step: int, state: Mapping[str, Any], *, pinned: bool = False
    ) -> None:
        """Begins a save once the running one is done.

        Args:
            step: that training has come to.
            state: what else the training needs to go on.
            pinned: whether the set is to be kept, and those pinned before are not, once
                it is on the disk.

        Raises:
            SaveError: if a save has failed, this one or an earlier one.
        """
        self._attempt.reached(step)
        self._saver.wait()
        if pinned:
            self._pinned_step = step
        self._begin(step, state, pinned=pinned)

    def wait(self) -> None:
        """Waits until everything that was saved is on the disk.

        Raises:
            SaveError: if a save has failed.
        """
        self._saver.wait()
        self._report()

    def restore(self, step: int) -> None:
        """Brings the learner back to a step that has a set.

        Args:
            step: the step.

        Raises:
            SetDamagedError: if the set is damaged, or gone.
        """
        sets = [one for one in self._folder.sets() if one.step == step]
        if not sets:
            raise SetDamagedError(
                f"The checkpoint set of step {step}, which validation found best, is "
                f"not in {self._folder.path} or is damaged. Remove that folder and run "
                "again: training begins anew."
            )
        learner = self._learner
        learner.run(
            restore_set,
            self._folder,
            sets[-1],
            learner.engine,
            learner.set_variables(),
            self._lineage,
        )

    def _begin(self, step: int, state: Mapping[str, Any], *, pinned: bool) -> None:
        # A training that goes on from the set keeps the events up to its step.
        tf.summary.flush()
        variables = self._learner.set_variables()
        if self._saver.save(step, variables, state, pinned=pinned):
            self._is_due, self._began_s = False, time.monotonic()

    def _on_saved(self, saved: SavedSet) -> None:
        """Leaves to retention what was pinned before; runs in a thread of the saver."""
        self._saved.append(saved)
        if saved.step == self._pinned_step:
            for one in self._folder.sets():
                if one.is_pinned and one.step != saved.step:
                    self._folder.unpin(one.name)

    def _report(self) -> None:
        """Tells of the sets that a thread of the saver has written."""
        with contextlib.suppress(IndexError):
            while True:
                saved = self._saved.popleft()
                _log.info(
                    "checkpoint set of step %d: %s (%s), %.2f s, "
                    "training paused %.1f ms",
                    saved.step,
                    _size(saved.bytes),
                    saved.kind,
                    saved.seconds,
                    1e3 * saved.pause_seconds,
                )


def open_sets(
    folder: Path,
    make_learner: Callable[[], Learner],
    settings: Checkpoint,
    lineage: Mapping[str, str],
    attempt: Attempt | None = None,
) -> tuple[Learner, TrainingSets]:
    """Returns a learner, restored from the newest whole set, and its sets.

    Args:
        folder: the sets of this training.
        make_learner: makes the learner as training begins.
        settings: when to save, and what to keep.
        lineage: digests of what the training depends on.
        attempt: as `TrainingSets` takes it.

    Raises:
        SetLockedError: if another process trains here.
        ValueError: if the newest set is of another lineage.
        OSError: if the folder cannot be written.
    """
    learner = make_learner()
    try:
        sets = TrainingSets(folder, learner, settings, lineage, attempt)
    except SetDamagedError:
        # Each was told of; the learner holds parts of them.
        learner = make_learner()
        sets = TrainingSets(folder, learner, settings, lineage, attempt)
    if sets.begun_from is None and _has_damaged_sets(folder):
        _log.warning(
            "training begins anew, for no checkpoint set in %s is whole. To go on from "
            "one instead, stop, bring its files back, remove `damaged.json` beside "
            "them, remove the sets that are newer, and run again",
            folder,
        )
    return learner, sets


def _has_damaged_sets(folder: Path) -> bool:
    return any(one.condition == "damaged" for one in SetFolder(folder).found())


def _size(number: int) -> str:
    if number < 10**6:
        return f"{number / 1e3:.1f} kB"
    return f"{number / 1e6:.1f} MB"


def _report_damaged(name: str, why: str) -> None:
    _log.warning("checkpoint set %s is damaged and is left out: %s", name, why)
