"""Training that goes on after the loss of hosts, without a person.

What is trained lies on the hosts, so after a loss all of it is made anew and restored.
`survive_losses` calls a function that does so and trains, waits for the hosts when one
is lost, and calls it again:

    def train(attempt):
        engine = ...                    # all of it: engine, model, functions, readers
        step = ...                      # restored from the newest checkpoint set
        attempt.resumes_from(step)
        while step < steps:
            cluster.run(train_step)
            step += 1
            attempt.reached(step)

    survive_losses(cluster, train)

Owns when to give up, and what is said of a loss. Does not start lost hosts again: that
is for `embedding.cluster.supervisor`, or for what runs the machines. How an engine is
trained and saved so is in `embedding.cluster.training`.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from shardline.embedding.cluster.cluster import (
    Cluster,
    HostLostError,
    WrongHostError,
)

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

MOST_LOSSES = 5
RECONNECT_WITHIN_S = 600.0
# A host that was lost is mostly back after some seconds; between two tries it may end.
_TRY_AGAIN_AFTER_S = 0.5


class Attempt:
    """What one call of the training function tells of its progress.

    Attributes:
        losses: how many losses there were before.
    """

    def __init__(self, losses: "_Losses"):
        """Takes what is known of the losses so far."""
        self.losses = losses.count
        self._losses = losses

    def resumes_from(self, step: int) -> None:
        """Notes that training starts with the state after so many steps.

        Args:
            step: 0 for the very beginning.
        """
        self._losses.resumed(step)

    def reached(self, step: int) -> None:
        """Notes that so many steps are done."""
        self._losses.step = step


def survive_losses(
    cluster: Cluster,
    train: Callable[[Attempt], Result],
    *,
    most_losses: int = MOST_LOSSES,
    reconnect_within_s: float = RECONNECT_WITHIN_S,
) -> Result:
    """Calls a training function, again after each loss of a host, until it returns.

    After a loss it waits until all hosts answer and connects to them. Each call must
    make everything that lies on hosts anew, restore it, and leave no reference to it
    behind when it raises: no attribute, no thread that still uses it.

    Args:
        cluster: connected.
        train: called with an Attempt; a HostLostError, or an error that follows on
            one, such as that of a save, ends an attempt, any other ends the training.
        most_losses: how many losses in a row may bring no progress, that is, are each
            followed by a start from no later step than the one before.
        reconnect_within_s: how long lost hosts may take to be back, in seconds.

    Returns:
        What the training function returns.

    Raises:
        HostLostError: if there were more losses without progress, or hosts are not back
            in time.
        WrongHostError: if something else, or another host, is at the address of one.
    """
    losses = _Losses(most_losses)
    while True:
        try:
            return train(Attempt(losses))
        except Exception as error:
            if not losses.add(error):
                raise
        # The error is gone here, and with it the frames that know the old engine.
        _reconnect(cluster, reconnect_within_s)


class _Losses:
    """Counts losses, and says of each who, when and from where on training goes on."""

    def __init__(self, most: int):
        self.count = 0
        self.step = 0
        self._most = most
        self._without_progress = 0
        self._resumed_from = 0
        self._last: tuple[str, int, float] | None = None

    def add(self, fault: BaseException | None) -> bool:
        """Counts a loss; returns whether the error tells of one.

        Raises:
            HostLostError: if it is one too many.
        """
        while fault is not None and not isinstance(fault, HostLostError):
            fault = fault.__cause__ or fault.__context__
        if fault is None:
            return False
        self._count(fault)
        return True

    def _count(self, error: HostLostError) -> None:
        self.count += 1
        self._without_progress += 1
        if self._without_progress > self._most:
            raise HostLostError(
                f"Given up at step {self.step} after {self._without_progress} losses "
                f"of hosts since training started from step {self._resumed_from}: each "
                "came before a newer checkpoint set was there. Look why hosts end, or "
                f"save more often. The last one: {error}",
                error.hosts,
                error.names,
            ) from error
        # As text: a log that keeps its records would keep the error, and the engine.
        names, fault = ", ".join(error.names), str(error)
        self._last = names, self.step, time.monotonic()
        _log.warning(
            "lost at step %d: %s (loss %d, at most %d in a row without progress). %s",
            *(self.step, names, self.count, self._most, fault),
        )

    def resumed(self, step: int) -> None:
        """Notes from where on an attempt trains."""
        if step > self._resumed_from:
            self._resumed_from, self._without_progress = step, 0
        if self._last is not None:
            names, lost_at, lost_s = self._last
            _log.warning(
                "%s lost at step %d: training goes on from step %d, %.1f s later",
                *(names, lost_at, step, time.monotonic() - lost_s),
            )
        self.step = step


def _reconnect(cluster: Cluster, within_s: float) -> None:
    """Connects to hosts that may end once more meanwhile.

    Raises:
        RuntimeError: if that does not succeed in time: a HostLostError if hosts are not
            there; a WrongHostError, at once, if others are.
    """
    deadline_s = time.monotonic() + within_s
    told: set[str] = set()
    while True:
        try:
            return cluster.reconnect(deadline_s - time.monotonic())
        except WrongHostError:
            raise
        # No HostLostError if a host ended just then, and was back before it was asked.
        except RuntimeError as error:
            if time.monotonic() + _TRY_AGAIN_AFTER_S >= deadline_s:
                raise
            if (cause := str(error)) not in told:
                told.add(cause)
                _log.warning("cannot connect yet, and tries again: %s", cause)
        time.sleep(_TRY_AGAIN_AFTER_S)
