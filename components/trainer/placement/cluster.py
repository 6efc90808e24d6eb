"""Hosts that are the workers of a TensorFlow cluster; this process is its chief."""

from collections.abc import Callable
from typing import Any, TypeVar

from shardline.components.trainer.placement.placement import Attempt
from shardline.embedding.cluster import Cluster
from shardline.embedding.cluster.recovery import survive_losses

Result = TypeVar("Result")


class ClusterHosts:
    """The workers of a cluster; implements `placement.Placement`."""

    def __init__(self, cluster: Cluster):
        """Takes the cluster, and connects to it when a training begins.

        Args:
            cluster: seen from its chief.
        """
        self._cluster = cluster

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
            RuntimeError: if the chief's port cannot be taken.
        """
        self._cluster.connect()
        return survive_losses(self._cluster, train)
