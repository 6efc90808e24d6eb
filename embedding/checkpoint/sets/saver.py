"""Saves a training as checkpoint sets while it goes on.

Training stands still for a consistent cut only. What the cut holds is written by a
thread in the background; there is one save at a time, so that saves never pile up: a
slow disk makes sets rarer, and training no slower.
"""

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.sets.compaction import MAX_DEPTH, compact
from shardline.embedding.checkpoint.sets.cut import Cut, Piece
from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.manifest import Kind
from shardline.embedding.checkpoint.sets.parent import Parent
from shardline.embedding.checkpoint.sets.reader import SetDamagedError
from shardline.embedding.checkpoint.sets.retention import (
    Keep,
    collect_garbage,
    remove_remains,
)
from shardline.embedding.checkpoint.sets.save_plan import (
    SavePlan,
    all_rows,
    as_json,
    is_less,
)
from shardline.embedding.checkpoint.sets.saved import (
    SavedSet,
    SaveError,
    not_followed,
    not_saved,
    saved_set,
)
from shardline.embedding.checkpoint.sets.shared_files import check_seen
from shardline.embedding.checkpoint.sets.writer import Clock, SetWriter
from shardline.embedding.engine import TPUEmbedding
from shardline.embedding.native.library import say_once
from shardline.embedding.tables.sharded_variable import on_every_task

_log = logging.getLogger(__name__)


def _stops_training(plan: SavePlan, error: BaseException) -> bool:
    """Returns whether it is no failure of the save, but someone who ends the process.

    In a thread of the saver nobody does.
    """
    return plan.cut.in_pause and not isinstance(error, Exception)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


class SetSaver:
    """Saves one training into one folder, which it locks."""

    def __init__(
        self,
        folder: Path | str,
        engine: TPUEmbedding,
        *,
        lineage: Mapping[str, str],
        keep: Keep | None = None,
        differential: bool = True,
        parent: CheckpointSet | None = None,
        on_saved: Callable[[SavedSet], None] | None = None,
        run: Callable[..., Any] = _call,
    ):
        """Locks the folder, made if need be, and removes what dead saves left there.

        Args:
            folder: where the sets of this training go.
            engine: built; restore it first.
            lineage: digests of what the training depends on.
            keep: which sets are kept.
            differential: whether sets may hold touched rows only.
            parent: the set that the engine was just restored from; None: none was.
            on_saved: called by a thread of the saver when a set is on the disk.
            run: calls a function that uses the hosts, with its arguments; on a cluster
                `Cluster.run`, so that a save does not wait for ever for a host that
                hangs.

        Raises:
            SetLockedError: if another process saves there.
            RuntimeError: if a host does not see the folder.
            ValueError: if there are sets of later steps than the parent's.
            OSError: if the folder cannot be written.
        """
        self._folder = SetFolder(folder)
        self._folder.make()
        self._lock = self._folder.lock()
        self._engine = engine
        self._lineage = dict(lineage)
        self._keep = keep or Keep()
        self._differential = differential
        self._on_saved = on_saved
        self._run = run
        self._thread: threading.Thread | None = None
        self._error: SaveError | None = None
        try:
            self._run(check_seen, self._lock.path, engine.hosts)
            self._parent = Parent(self._folder, parent, engine.loads)
            self._parent.check_is_newest()
            for name in remove_remains(self._folder):
                _log.info("removed %s, which a dead save left in %s", name, folder)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> "SetSaver":
        """Returns the saver."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Closes it; an error of its last save gives way to one that is under way."""
        self.close()

    def save(
        self,
        step: int,
        variables: Mapping[str, tf.Variable],
        state: Mapping[str, Any],
        *,
        pinned: bool = False,
    ) -> bool:
        """Takes a cut, and saves it in the background.

        No step may run meanwhile.

        Args:
            step: training steps behind it.
            variables: all variables of the training that are no tables, by any names.
            state: what else the training needs to go on, as JSON has it.
            pinned: whether to keep the set until `unpin`.

        Returns:
            Whether a save began: not while an earlier one is running, nor if there is a
            set of this step.

        Raises:
            SaveError: if an earlier save failed, or this one, if it has to be done
                while training waits.
            TypeError: if the state is not JSON.
            ValueError: if there is a set of a later step.
        """
        self.check()
        newest = self.newest
        if self.is_saving or (newest and newest.step == step):
            return False
        if newest and newest.step > step:
            raise ValueError(
                f"A save was asked for of step {step}, and its newest set is of step "
                f"{newest.step}. Close the saver, rewind the folder to where "
                "training goes on, and make another saver."
            )
        clock = Clock()
        plan = self._plan(step, variables, state, pinned, clock)
        if plan.cut.in_pause:
            say_once(
                "Without native kernels checkpoint sets are written while training "
                "waits, and hold all rows."
            )
            self._save(plan)
            self.check()
            return True
        self._thread = threading.Thread(
            target=self._save, args=(plan,), name="checkpoint set", daemon=True
        )
        clock.pause_seconds = clock.elapsed
        try:
            self._thread.start()
        except Exception:
            self._thread = None
            self._give_up(plan.cut)
            raise
        return True

    @property
    def is_saving(self) -> bool:
        """Whether a save is running."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def newest(self) -> CheckpointSet | None:
        """The newest set that is on the disk, of this training."""
        return self._parent.newest

    def check(self) -> None:
        """Raises the error of a save, once.

        Raises:
            SaveError: if a save has failed.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def wait(self) -> None:
        """Waits until what was saved is on the disk.

        Raises:
            SaveError: if it failed.
        """
        if self._thread is not None:
            self._thread.join()
        self.check()

    def close(self) -> None:
        """Waits for a running save and gives the folder free; may be called again."""
        if self._thread is not None:
            self._thread.join()
        self._lock.release()

    def unpin(self, name: str) -> None:
        """Leaves a set to retention."""
        self._folder.unpin(name)

    def _plan(
        self,
        step: int,
        variables: Mapping[str, tf.Variable],
        state: Mapping[str, Any],
        pinned: bool,
        clock: Clock,
    ) -> SavePlan:
        state, loads = as_json(state), self._engine.loads
        kind = self._kind()
        folder = str(self._folder.path)
        cut: Cut = self._run(self._engine.cut, kind == "differential", folder)
        try:
            # A tensor that was read keeps its values: TensorFlow copies it before a
            # variable is changed that shares them.
            values = {name: one.read_value() for name, one in variables.items()}
            parent = self.newest if kind == "differential" else None
            hosts = len(self._engine.hosts)
            writer = SetWriter(self._folder, step, kind, parent, hosts)
            tables = {
                name: dataclasses.replace(table, stored_rows=cut.rows[name])
                for name, table in all_rows(self._engine).items()
            }
            return SavePlan(writer, cut, tables, values, state, pinned, clock, loads)
        except BaseException:
            self._give_up(cut)
            raise

    def _give_up(self, cut: Cut) -> None:
        """Ends a cut whose set will not be; what failed before is what is told."""
        try:
            self._run(cut.end, False)
        except Exception as error:
            _log.warning("the cut of a set that failed could not be ended: %s", error)

    def _kind(self) -> Kind:
        """Returns "differential" if such a set can be, and is smaller."""
        if not self._differential or not self._parent.may_have_child(self._engine):
            return "full"
        touched = self._run(self._engine.touched_rows)
        return "differential" if is_less(touched, all_rows(self._engine)) else "full"

    def _save(self, plan: SavePlan) -> None:
        """Writes what was cut; keeps the error if that fails."""
        try:
            saved = self._written(plan)
        except BaseException as error:
            is_stop = _stops_training(plan, error)
            self._error = (
                None if is_stop else not_saved(plan.writer.path, self.newest, error)
            )
            self._give_up(plan.cut)
            self._make_room()
            if is_stop:
                raise
            return
        self._parent = Parent(self._folder, saved, plan.loads)
        try:
            self._run(plan.cut.end, True)
            self._after(saved)
        except BaseException as error:
            if _stops_training(plan, error):
                raise
            self._error = not_followed(saved, error)
            self._make_room()

    def _written(self, plan: SavePlan) -> CheckpointSet:
        writer = plan.writer
        writer.begin(pinned=plan.pinned)
        hosts = self._engine.hosts
        pieces: list[list[Piece]] = [[] for _ in hosts]

        def write(host: int) -> None:
            pieces[host] = self._run(plan.cut.write, host, str(writer.data_file(host)))

        on_every_task(hosts, write)
        writer.write_index(plan.tables, pieces)
        writer.write_values(plan.values)
        if plan.cut.in_pause:
            plan.clock.pause_seconds = plan.clock.elapsed
        return writer.commit(plan.tables, self._lineage, plan.state, plan.clock)

    def _after(self, saved: CheckpointSet) -> None:
        """Reports a set, removes those that nothing needs, and shortens its chain."""
        if self._on_saved:
            self._on_saved(saved_set(saved))
        if saved.manifest.depth >= MAX_DEPTH:
            try:
                full = compact(self._folder, saved)
                self._parent = Parent(self._folder, full, self._parent.loads)
            except SetDamagedError as error:
                self._leave_chain(saved, error)
                return
        collect_garbage(self._folder, self._keep)

    def _leave_chain(self, last: CheckpointSet, error: SetDamagedError) -> None:
        """Has the next set be full: training holds what the disk has lost."""
        _log.warning(
            "%s builds on what is damaged, and is marked so; the next set is full: %s",
            *(last.path, error),
        )
        self._folder.mark_damaged(last.name, str(error))
        self._parent.leave_chain()
        self._make_room()

    def _make_room(self) -> None:
        """Gives back what a failed save took of the disk, if the disk lets it."""
        with contextlib.suppress(OSError):
            remove_remains(self._folder)
