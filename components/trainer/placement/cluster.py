"""Hosts that are the workers of a TensorFlow cluster; this process is its chief."""

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from shardline.components.trainer.placement.placement import Attempt
from shardline.embedding.cluster import Cluster
from shardline.embedding.cluster.recovery import survive_losses
from shardline.embedding.native.library import runs_on, usable_ops

Result = TypeVar("Result")

# `shardline run` waits for workers that are lost, and ends if they do not come.
_REMEDY = (
    "Start each by `shardline worker CONFIG --index N` on its machine. A run that has "
    "ended meanwhile goes on from its newest checkpoint set: run it again."
)

_log = logging.getLogger("shardline.trainer")


class OtherKernelsError(RuntimeError):
    """A worker runs other native kernels than the chief, or none."""


class ClusterHosts:
    """The workers of a cluster; implements `placement.Placement`."""

    def __init__(self, cluster: Cluster):
        """Takes the cluster, and connects to it when a training begins.

        Args:
            cluster: seen from its chief.
        """
        self._cluster = dataclasses.replace(cluster, remedy=_REMEDY)

    @property
    def hosts(self) -> list[str]:
        """The workers' CPUs, host 0 first."""
        return self._cluster.hosts

    def strategy(self) -> None:
        """Returns None: the dense model is computed in this process alone."""

    def run(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Calls a function in a thread of its own, and watches the hosts meanwhile.

        Raises:
            HostLostError: within 30 s if a host is dead, hangs, or was restarted.
        """
        return self._cluster.run(function, *args, **kwargs)

    def survive(self, train: Callable[[Attempt], Result]) -> Result:
        """Connects, and calls a training function until no host is lost in it.

        Raises:
            HostLostError: if hosts are not there in time, or are lost too often.
            WrongHostError: if what answers at an address is not the worker.
            OtherKernelsError: if a worker runs other kernels than the chief.
            RuntimeError: if the chief's port cannot be taken.
        """
        workers = self._cluster.workers
        _log.info("connects to %d workers: %s", len(workers), ", ".join(workers))
        self._cluster.connect()

        def attempt(told: Attempt) -> Result:
            self._check_kernels()  # a worker may have come back as another
            return train(told)

        return survive_losses(self._cluster, attempt)

    def _check_kernels(self) -> None:
        """Raises if a worker runs other kernels; if the chief has none, nobody does."""
        if usable_ops() is None:
            return
        others = [
            f"worker {index} at {address}"
            for index, (host, address) in enumerate(
                zip(self.hosts, self._cluster.workers, strict=True)
            )
            if not self.run(runs_on, host)
        ]
        if others:
            raise OtherKernelsError(
                f"{', '.join(others)}: the native kernels there are not those of the "
                "chief, or are missing. Install the same versions of Shardline and "
                "TensorFlow, and run `python -m shardline.embedding.native` there; or "
                "set SHARDLINE_KERNELS=stock for the chief, and TensorFlow's own "
                "operations serve everywhere, several times slower."
            )
