"""A training that is to be killed: it verifies, restores, trains and saves.

It reports by lines of JSON through a pipe, which a kill does not take back.
"""

import importlib
import json
import os
import random
from pathlib import Path
from typing import Any

import set_checks
import small_training

from shardline.embedding import configure_logical_hosts
from shardline.embedding.checkpoint import crash_points
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.saved import SavedSet
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.host import row_trackers

LAST_STEP = 240
_SAVE_EVERY = 3
_MOST_PINNED = 2
# A training that did not come to the place by then ends.
_STEPS_TO_POINT = 45


def digests_by_step() -> list[str]:
    """Trains to the last step without a stop; returns the digest at each step."""
    configure_logical_hosts(len(small_training.HOSTS))
    return small_training.digests_by_step(LAST_STEP)[1]


class KillWorker:
    """The life of one forked process, from the folder as it finds it."""

    def __init__(self, folder: Path, pipe: int, digests: list[str], known: set[str]):
        """Touches nothing yet.

        Args:
            folder: of the sets.
            pipe: where reports go.
            digests: what every step must have.
            known: sets that were restored before, by their manifests' digests.
        """
        self._folder = SetFolder(folder)
        self._pipe = pipe
        self._digests = digests
        self._known = known
        self._pinned: set[int] = set()

    def run(self, seed: int, crash_at: str) -> None:
        """Verifies and restores what is there; trains and saves from there on.

        Args:
            seed: decides when to wait for a save, and what is pinned.
            crash_at: NAME:COUNT of the place where it ends; "" for none.
        """
        configure_logical_hosts(len(small_training.HOSTS))
        training = small_training.SmallTraining()
        if seed % 2:
            # Rows that change while a set is written go into the file for them at once.
            row_trackers._COPIES_AT_LEAST_BYTES = 0
        self._report("built")
        checked = set_checks.check_sets(
            self._folder, training, self._digests, self._known
        )
        self._report(
            "checked",
            sets=len(checked.steps),
            restored=checked.restored,
            faults=checked.faults,
        )
        if not checked.steps:
            training = small_training.SmallTraining()
        restored, faults = set_checks.restore(self._folder, training, self._digests)
        step = restored.step if restored else -1
        self._report("restored", step=step, faults=faults)
        os.environ[crash_points.CRASH_AT] = crash_at
        importlib.reload(crash_points)  # it has read the variable
        saver = SetSaver(
            self._folder.path,
            training.engine,
            lineage=training.lineage,
            keep=training.keep,
            parent=restored.checkpoint_set if restored else None,
            on_saved=self._saved,
        )
        until = min(training.step + _STEPS_TO_POINT, LAST_STEP)
        with saver:
            self._report("saving")
            self._train(
                training, saver, random.Random(seed), until if crash_at else LAST_STEP
            )
        self._report("ended", step=training.step)

    def _train(
        self, training: Any, saver: SetSaver, chance: random.Random, until: int
    ) -> None:
        while training.step < until:
            training.train(min(_SAVE_EVERY, until - training.step))
            if not saver.is_saving:
                self._save(training, saver, chance.random() < 0.15)
            if chance.random() < 0.6:
                saver.wait()
        saver.wait()

    def _save(self, training: Any, saver: SetSaver, pinned: bool) -> None:
        if pinned:
            self._pinned.add(training.step)
        saver.save(training.step, training.variables, training.state, pinned=pinned)
        held = [one for one in self._folder.sets() if one.is_pinned]
        oldest = min((one.step for one in held), default=0)
        if len({one.step for one in held}) > _MOST_PINNED:
            self._report("unpinned", step=oldest)
            for one in held:
                if one.step == oldest:
                    saver.unpin(one.name)

    def _saved(self, saved: SavedSet) -> None:
        pinned = saved.step in self._pinned
        self._report("durable", step=saved.step, kind=saved.kind, pinned=pinned)

    def _report(self, event: str, **values: Any) -> None:
        line = json.dumps({"event": event, **values}) + "\n"
        os.write(self._pipe, line.encode())
