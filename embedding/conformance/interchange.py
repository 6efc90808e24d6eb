"""Checkpoints that move: to and from other hosts, as sets, and TensorFlow's classes.

What arrives must be equal bit for bit to what was saved, slots included; so that they
are used too, the next step is compared with its golden vectors.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.restore import restore_newest
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.cluster import HostLostError
from shardline.embedding.conformance import bounds
from shardline.embedding.conformance.cases import SIDES, Case
from shardline.embedding.conformance.comparison import Outcome, compared
from shardline.embedding.conformance.placement import Placement
from shardline.embedding.conformance.stock import StockTables, served_activations
from shardline.embedding.conformance.time_limit import NoAnswerError, TimeLimit
from shardline.embedding.conformance.training import Activations, State, Trial
from shardline.embedding.conformance.verdicts import CaseVerdict, failed, judged

# Steps before the save, and the one that follows where it is read; from 0.
_SAVED_AFTER = (0, 1)
_NEXT = 2


class Interchange:
    """Tables trained in one place for two steps, saved, and read in others."""

    def __init__(
        self,
        placement: Placement,
        cases: Sequence[Case],
        folder: Path,
        limit: TimeLimit,
    ):
        """Takes what is trained.

        Args:
            placement: where.
            cases: of three steps.
            folder: empty; all hosts see it by this path.
            limit: of each call.
        """
        self._placement, self._cases = placement, list(cases)
        self._folder, self._limit = folder, limit

    def verdicts(self) -> Iterator[CaseVerdict]:
        """Trains, saves, moves and compares; yields what is found as it is found.

        Raises:
            NoAnswerError: if a call takes too long.
            HostLostError: if a host of a cluster is lost.
        """
        here = self._trial_at(self._placement)
        saved, prefix = self._trained(here, self._folder / "here")
        next_activations = here.train(_NEXT)[0]
        yield judged("training", here.outcomes.values())
        for number, other in enumerate(self._placement.others()):
            there = self._trial_at(other)
            yield self._judged(
                f"checkpoint to {other.name}", self._moved, there, prefix, saved
            )
            sets = self._folder / "here"
            yield self._judged(f"set to {other.name}", self._moved, there, sets, saved)
            folder = self._folder / f"other{number}"
            there = self._trial_at(other)
            from_there, its_prefix = self._trained(there, folder)
            yield self._judged(
                f"checkpoint from {other.name}",
                self._moved,
                *(here, its_prefix, from_there),
            )
            yield self._judged(
                f"set from {other.name}", self._moved, here, folder, from_there
            )
        yield from self._judged_stock(here, prefix, saved, next_activations)

    def _judged(
        self, name: str, check: Callable[..., Iterable[Outcome]], *arguments: Any
    ) -> CaseVerdict:
        try:
            return judged(name, check(*arguments))
        except (NoAnswerError, HostLostError):
            raise
        # Whatever it is, it is what became of this check.
        except Exception as error:
            return failed(name, error)

    def _trial_at(self, placement: Placement) -> Trial:
        # What a TPU has trained is as far off on a CPU host.
        on_tpu = self._placement.is_tpu
        return Trial(placement, self._cases, self._limit, on_tpu=on_tpu)

    def _trained(self, trial: Trial, folder: Path) -> tuple[State, str]:
        """Trains two steps; returns the state, and the prefix of its checkpoint.

        A full set is saved after the first, and what follows it after the second, where
        hosts track their rows a differential one.
        """
        folder.mkdir()
        with SetSaver(
            folder, trial.engine, lineage={}, run=self._placement.run
        ) as saver:
            for step in _SAVED_AFTER:
                trial.train(step)
                self._limit.call("saving a set", self._save, saver, step + 1)
        checkpoint = tf.train.Checkpoint(embedding=trial.engine)
        prefix = trial.call(
            "writing a checkpoint", checkpoint.write, str(folder / "checkpoint")
        )
        return trial.state(), prefix

    def _save(self, saver: SetSaver, step: int) -> None:
        saver.save(step, {}, {})
        saver.wait()

    def _moved(
        self, trial: Trial, source: Path | str, saved: State
    ) -> Iterable[Outcome]:
        """Reads a checkpoint's prefix, or a folder of sets; compares, does a step."""
        trial.outcomes = {case.name: Outcome() for case in self._cases}
        if isinstance(source, Path):
            trial.call("restoring a set", _restore_set, trial, source)
        else:
            trial.call("restoring a checkpoint", _restore, trial, source)
        yield from _same(saved, trial.state())
        trial.train(_NEXT)
        yield from trial.outcomes.values()

    def _judged_stock(
        self, here: Trial, prefix: str, saved: State, looked_up: Activations
    ) -> Iterator[CaseVerdict]:
        """Judges what TensorFlow's classes and the serving lookups make of it."""
        hosts = len(here.engine.hosts)

        def to_stock() -> Iterable[Outcome]:
            return _same(saved, StockTables(self._cases, prefix).state())

        def from_stock() -> Iterable[Outcome]:
            stock = StockTables(self._cases, prefix)
            written = stock.write(str(self._folder / "stock"))
            return self._moved(here, written, saved)

        def by_stock() -> Iterable[Outcome]:
            found = StockTables(self._cases, prefix).activations(_NEXT)
            return self._same_lookups(looked_up, found, exact=False)

        def by_ours() -> Iterable[Outcome]:
            found = served_activations(self._cases, _NEXT, saved, hosts)
            return self._same_lookups(
                looked_up, found, exact=not self._placement.is_tpu
            )

        yield self._judged("checkpoint to TensorFlow's TPUEmbedding", to_stock)
        yield self._judged("checkpoint from TensorFlow's TPUEmbedding", from_stock)
        yield self._judged("TensorFlow's serving lookup", by_stock)
        yield self._judged("serving lookup", by_ours)

    def _same_lookups(
        self, expected: Activations, found: Activations, *, exact: bool
    ) -> Iterable[Outcome]:
        for case in self._cases:
            bound = bounds.of_activations(case, _NEXT, on_tpu=self._placement.is_tpu)
            for side in SIDES:
                yield compared(
                    expected[case.name][side],
                    found[case.name][side],
                    bounds.EXACT if exact else bound,
                    table=case.name,
                    step=_NEXT + 1,
                    what=f"activations of {side}",
                )


def _restore(trial: Trial, prefix: str) -> None:
    checkpoint = tf.train.Checkpoint(embedding=trial.engine)
    checkpoint.read(prefix).assert_consumed()


def _restore_set(trial: Trial, folder: Path) -> None:
    restored = restore_newest(
        SetFolder(folder), trial.engine, {}, lineage={}, on_damaged=_raise_damaged
    )
    if restored is None or restored.step != len(_SAVED_AFTER):
        raise RuntimeError(f"{folder} holds no set of step {len(_SAVED_AFTER)}.")


def _raise_damaged(name: str, fault: str) -> None:
    raise RuntimeError(f"Set {name}, which was just saved, is damaged: {fault}")


def _same(saved: State, found: State) -> Iterable[Outcome]:
    """Compares what was saved with what was read, bit for bit."""
    for table, slots in saved.items():
        for slot, expected in slots.items():
            yield compared(
                expected,
                found[table][slot],
                bounds.EXACT,
                table=table,
                step=len(_SAVED_AFTER),
                what=slot,
            )
