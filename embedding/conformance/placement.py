"""Where the engine under test runs: hosts of this process or of a cluster."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from shardline.embedding.cluster import Cluster
from shardline.embedding.config.policies import Policies
from shardline.embedding.conformance.cases import Case
from shardline.embedding.conformance.configuration import StepNumber
from shardline.embedding.engine import TPUEmbedding
from shardline.embedding.hosts import logical_hosts

# Takes ids, weights, gradients and the step's number; returns activations by core.
StepFunction = Callable[[Any, Any, Any, tf.Tensor], list[Any]]


class Placement(Protocol):
    """Makes engines in one place, and the steps that train them there.

    Attributes:
        name: in words.
        is_tpu: whether the rows are on a TPU, which has bounds of its own.
    """

    name: str
    is_tpu: bool

    def refusal(self, case: Case, pipelined: bool) -> str:
        """Returns why a case cannot be had here; empty if it can."""

    def engine(
        self, features: Any, *, pipelined: bool, policies: Policies | None
    ) -> TPUEmbedding:
        """Returns an engine that is not built; on a TPU, the only one there."""

    def step(
        self, engine: TPUEmbedding, number: StepNumber, *, training: bool
    ) -> StepFunction:
        """Returns what one step does; it is traced by who calls it."""

    def check(self, graph: tf.Graph) -> None:
        """Raises ValueError if a traced step would not run, or never end, here."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function that uses the hosts."""

    def others(self) -> Sequence["Placement"]:
        """Returns the places that a checkpoint is moved to, and from."""


class HostPlacement:
    """Implements `Placement` on CPU hosts.

    On a machine with a GPU gradients come from there, as a dense model's do.
    """

    is_tpu = False

    def __init__(
        self,
        hosts: Sequence[str],
        name: str,
        *,
        is_local: bool = True,
        run: Callable[..., Any] | None = None,
    ):
        """Takes the hosts.

        Args:
            hosts: TensorFlow CPU devices, host 0 first.
            name: in words.
            is_local: whether all of them are of this process.
            run: calls a function that uses the hosts, with its arguments.
        """
        self.name = name
        self._is_local = is_local
        self._hosts = list(hosts)
        self._run = run
        self._dense_device = "/GPU:0" if tf.config.list_logical_devices("GPU") else None

    def refusal(self, case: Case, pipelined: bool) -> str:
        """Returns nothing: CPU hosts have all of it."""
        return ""

    def engine(
        self, features: Any, *, pipelined: bool, policies: Policies | None
    ) -> TPUEmbedding:
        """Returns an engine over the hosts."""
        return TPUEmbedding(
            features, None, pipelined, hosts=self._hosts, policies=policies
        )

    def step(
        self, engine: TPUEmbedding, number: StepNumber, *, training: bool
    ) -> StepFunction:
        """Returns a step of one replica."""

        def step(ids: Any, weights: Any, gradients: Any, at: tf.Tensor) -> list[Any]:
            engine.enqueue(ids, weights, training)
            activations = self._dense(engine.dequeue())
            if training:
                number.value = at
                engine.apply_gradients(self._dense(gradients))
            return [activations]

        return step

    def check(self, graph: tf.Graph) -> None:
        """Does nothing: a wrong order of calls is an error here, and does not hang."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function that uses the hosts."""
        if self._run is None:
            return function(*arguments)
        return self._run(function, *arguments)

    def others(self) -> Sequence[Placement]:
        """Returns fewer hosts, and more where this process has them."""
        return [
            HostPlacement(hosts, name, is_local=self._is_local, run=self._run)
            for name, hosts in self._counts().items()
        ]

    def _counts(self) -> Mapping[str, list[str]]:
        here = len(self._hosts)
        known = logical_hosts() if self._is_local else self._hosts
        counts = sorted({1, 2, len(known)} - {here})
        return {
            f"{count} host{'s' * (count > 1)}": known[:count]
            for count in counts
            if count <= len(known)
        }

    def _dense(self, values: Any) -> Any:
        """Moves values to where a dense model would be."""
        if self._dense_device is None:
            return values
        with tf.device(self._dense_device):
            return tf.nest.map_structure(tf.identity, values)


def cluster_placement(cluster: Cluster) -> HostPlacement:
    """Returns the hosts of a cluster to which this process, the chief, is connected."""
    count = len(cluster.workers)
    name = f"a cluster of {count} host{'s' * (count > 1)}"
    return HostPlacement(cluster.hosts, name, is_local=False, run=cluster.run)
