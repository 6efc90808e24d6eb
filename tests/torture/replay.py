"""Puts the disks that a power loss may leave into folders, and checks the sets there.

A power loss may come after every single operation of a log. States that are alike are
checked once, and so is a set with the same bytes in it and in its chain.
"""

import collections
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shardline_tests import load

from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.saver import SetSaver

disk_states = load("torture/disk_states.py")
set_checks = load("torture/set_checks.py")

# Is written in place, so that it must not be a link.
_LOCK = ".lock"
# The bytes that decide what becomes of a set.
Key = tuple[tuple[str, str], ...]


class Replay:
    """Goes through the states of a log.

    Attributes:
        counts: what was done, by what it is.
        faults: a line for each thing that must not be.
    """

    def __init__(
        self,
        log: Any,
        folder: Path,
        training: Any,
        digests: Sequence[str],
    ):
        """Checks nothing yet.

        Args:
            log: as `disk_log.read_log` returns it, of `recorded_run.py`.
            folder: for the states, one at a time, and for what their files hold.
            training: a `SmallTraining`, which is overwritten.
            digests: what every step must have.
        """
        self._log = log
        self._root = folder / "state"
        self._contents = folder / "contents"
        self._contents.mkdir()
        self._training = training
        self._digests = digests
        self._steps_of_state: dict[bytes, list[int]] = {}
        self._faults_of_set: dict[Key, list[str]] = {}
        self._restored: set[tuple[Key, ...]] = set()
        self.counts: collections.Counter[str] = collections.Counter()
        self.faults: list[str] = []

    def run(self, most: int, seed: int, *, go_on_every: int, every: int = 1) -> None:
        """Checks the states after the prefixes of the log.

        Args:
            most: how many states of each prefix, at most.
            seed: decides which, where all are too many.
            go_on_every: in one of so many states, training goes on and saves.
            every: one of so many prefixes is looked at; 1 for all.
        """
        durable: set[int] = set()
        pinned: set[int] = set()
        for length in range(len(self._log.operations) + 1):
            if length:
                _take_note(self._log.operations[length - 1], durable, pinned)
            if length % every:
                continue
            disk = disk_states.Disk(self._log, length)
            self.counts["prefixes"] += 1
            for state in disk.states(most, seed + length):
                steps = self._checked(state, go_on_every)
                lost = set_checks.lost_steps(
                    durable, pinned, steps, self._training.keep
                )
                if lost:
                    self.faults.append(f"after {length} operations {lost} are lost")
                self.counts["states"] += 1

    def _checked(
        self, state: Mapping[str, bytes | None], go_on_every: int
    ) -> list[int]:
        """Returns the steps of the sets that a state holds, whole and restorable."""
        digests = {path: _digest(content) for path, content in state.items()}
        key = hashlib.sha256(repr(sorted(digests.items())).encode()).digest()
        if key not in self._steps_of_state:
            goes_on = len(self._steps_of_state) % go_on_every == 0
            self._lay_out(state, digests, linked=not goes_on)
            self._steps_of_state[key] = self._steps_there(digests)
            if goes_on:
                self._go_on()
        return self._steps_of_state[key]

    def _lay_out(
        self,
        state: Mapping[str, bytes | None],
        digests: Mapping[str, str],
        *,
        linked: bool,
    ) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        self._root.mkdir()
        for path, content in sorted(state.items()):
            if content is None:
                (self._root / path).mkdir()
            elif not linked or path == _LOCK:
                (self._root / path).write_bytes(content)
            else:
                stored = self._contents / digests[path]
                if not stored.exists():
                    stored.write_bytes(content)
                os.link(stored, self._root / path)

    def _steps_there(self, digests: Mapping[str, str]) -> list[int]:
        folder = SetFolder(self._root)
        complete: dict[str, CheckpointSet] = {}
        for found in folder.found():
            if found.condition == "damaged":
                self.faults.append(f"{found.path.name} is damaged: {found.fault}")
            self.counts["remains"] += found.condition == "remains"
            if found.condition == "complete" and found.complete:
                complete[found.path.name] = found.complete
        keys = [_chain_key(name, complete, digests) for name in complete]
        steps = []
        for one, key in zip(complete.values(), keys, strict=True):
            faults = self._set_faults(folder, one, key)
            self.faults += faults
            steps += [] if faults else [one.step]
        if tuple(keys) not in self._restored:
            self._restored.add(tuple(keys))
            self._check_newest(folder, max(steps, default=-1))
        return steps

    def _set_faults(self, folder: SetFolder, one: CheckpointSet, key: Key) -> list[str]:
        """Returns what is wrong with a set; once for the same bytes of its chain."""
        if key not in self._faults_of_set:
            self._faults_of_set[key] = set_checks.set_faults(
                folder, one, self._training, self._digests
            )
            self.counts["sets verified and restored"] += 1
        return self._faults_of_set[key]

    def _check_newest(self, folder: SetFolder, newest: int) -> None:
        """Restores as a training does that starts; once for the same sets."""
        restored, faults = set_checks.restore(folder, self._training, self._digests)
        self.faults += faults
        self.counts["restores of the newest set"] += restored is not None
        if (restored.step if restored else -1) != newest:
            self.faults.append(f"{restored} was restored, and there is step {newest}")

    def _go_on(self) -> None:
        """Trains and saves once more, from the newest set."""
        folder = SetFolder(self._root)
        training = self._training
        if not folder.sets():
            return
        restored, _ = set_checks.restore(folder, training, self._digests)
        saver = SetSaver(
            self._root,
            training.engine,
            lineage=training.lineage,
            keep=self._training.keep,
            parent=restored.checkpoint_set,
        )
        with saver:
            training.train()
            saver.save(training.step, training.variables, training.state)
            saver.wait()
        self.faults += set_checks.check_sets(folder, training, self._digests).faults
        self.counts["states in which training went on"] += 1


def _chain_key(
    name: str, complete: Mapping[str, CheckpointSet], digests: Mapping[str, str]
) -> Key:
    """Returns the files of a set and of those it builds on, if they are there."""
    chain = [name]
    while (last := complete.get(chain[-1])) and last.manifest.parent:
        chain.append(last.manifest.parent)
    return tuple(
        (path, digest)
        for path, digest in sorted(digests.items())
        if path.partition("/")[0] in chain
    )


def _take_note(operation: Any, durable: set[int], pinned: set[int]) -> None:
    """Follows what the recorded program said of its sets."""
    match getattr(operation, "text", "").split():
        case ["durable", step, is_pinned]:
            durable.add(int(step))
            pinned |= {int(step)} if int(is_pinned) else set()
        case ["unpinned", step]:
            pinned.discard(int(step))


def _digest(content: bytes | None) -> str:
    return "folder" if content is None else hashlib.sha256(content).hexdigest()
