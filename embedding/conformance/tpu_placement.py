"""The engine under test on a TPU: every core looks up the same batch.

Golden vectors are of one replica. So that they hold for any number of cores, all cores
get the same ids, and gradients that add up to those of the vectors: the first core's
are twice as large, the second's are their negative, those of the others are zero. What
takes a mean over the cores, or leaves one out, comes to other numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.config.policies import Policies
from shardline.embedding.conformance.cases import Case
from shardline.embedding.conformance.configuration import StepNumber, feature_config
from shardline.embedding.conformance.placement import (
    HostPlacement,
    Placement,
    StepFunction,
)
from shardline.embedding.engine import TPUEmbedding
from shardline.embedding.hosts import logical_hosts
from shardline.embedding.tpu.connection import connect
from shardline.embedding.tpu.graph_check import check_tpu_graph


class TPUPlacement:
    """Implements `Placement` on a TPU system, which holds one engine at a time."""

    is_tpu = True

    def __init__(self, name: str, connect: Callable[[str], Any] = connect):
        """Connects to the TPU; call it before any other use of TensorFlow.

        Args:
            name: "local", the name of a TPU in the cloud, or "grpc://address:port".
            connect: returns the resolver of a TPU system that is initialised anew.

        Raises:
            TPUMissingError: if there is no such TPU.
        """
        self._name, self._connect = name, connect
        self._strategy = self._new_strategy()
        self._is_used = False
        cores = self._strategy.num_replicas_in_sync
        self.name = f"TPU {name} with {cores} core{'s' * (cores > 1)}"
        hardware = self._strategy.extended.tpu_hardware_feature
        self._has_sparse_cores = (
            hardware.embedding_feature == hardware.EmbeddingFeature.V2
        )

    def refusal(self, case: Case, pipelined: bool) -> str:
        """Returns what a TPU, or its SparseCores, do not have, or leave open."""
        if case.policy != "error" or case.is_refused:
            return (
                "ids, weights and gradients reach a TPU unchecked: it has no policies"
            )
        if case.divides_by_zero:
            return "a TPU leaves open what an example is whose weights sum to zero"
        if not case.options.get("use_gradient_accumulation", True):
            return (
                "the order in which a TPU applies the occurrences of a row is its own"
            )
        if pipelined and self._has_sparse_cores:
            return "on SparseCores TensorFlow's compiler decides how stale lookups are"
        try:
            self._unbuilt(feature_config([case], StepNumber()), pipelined)
        except NotImplementedError as refused:
            return str(refused)
        return ""

    def engine(
        self, features: Any, *, pipelined: bool, policies: Policies | None
    ) -> TPUEmbedding:
        """Returns an engine on the TPU, which loses the one that it held."""
        if self._is_used:
            self._strategy = self._new_strategy()
        self._is_used = True
        return self._unbuilt(features, pipelined)

    def step(
        self, engine: TPUEmbedding, number: StepNumber, *, training: bool
    ) -> StepFunction:
        """Returns a step of all cores."""

        def program(core: Any, gradients: Any, at: tf.Tensor) -> Any:
            activations = engine.dequeue()
            if training:
                number.value = at
                engine.apply_gradients(self._shared(gradients, core))
            return activations

        def step(ids: Any, weights: Any, gradients: Any, at: tf.Tensor) -> list[Any]:
            for device in self._strategy.extended.worker_devices:
                engine.enqueue(ids, weights, training, device=device)
            return self._on_cores(program, gradients, at)

        def on_sparse_cores(
            ids: Any, weights: Any, gradients: Any, at: tf.Tensor
        ) -> list[Any]:
            def whole_program(core: Any, ids: Any, weights: Any, *others: Any) -> Any:
                engine.enqueue(ids, weights, training)
                return program(core, *others)

            return self._on_cores(whole_program, ids, weights, gradients, at)

        return on_sparse_cores if self._has_sparse_cores else step

    def check(self, graph: tf.Graph) -> None:
        """Raises ValueError if the TPU would refuse a step, or wait for ever."""
        if not self._has_sparse_cores:
            check_tpu_graph(graph)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function."""
        return function(*arguments)

    def others(self) -> Sequence[Placement]:
        """Returns a CPU host of this process."""
        return [HostPlacement(logical_hosts()[:1], "1 CPU host")]

    def _new_strategy(self) -> Any:
        return tf.distribute.TPUStrategy(self._connect(self._name))

    def _unbuilt(self, features: Any, pipelined: bool) -> TPUEmbedding:
        with self._strategy.scope():
            return TPUEmbedding(features, None, pipelined)

    def _shared(self, gradients: Any, core: Any) -> Any:
        """Returns the part of the gradients that a core sends."""
        cores = self._strategy.num_replicas_in_sync
        parts = [1.0] if cores == 1 else [2.0, -1.0] + [0.0] * (cores - 2)
        part = tf.gather(tf.constant(parts), core)
        return tf.nest.map_structure(lambda gradient: part * gradient, gradients)

    def _on_cores(self, program: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Runs a program on every core; returns its results by core.

        Args:
            program: takes the core's number and the arguments.
            *arguments: the same for every core.
        """

        def replica(*arguments: Any) -> Any:
            context = tf.distribute.get_replica_context()
            return program(context.replica_id_in_sync_group, *arguments)

        results = self._strategy.run(replica, args=arguments)
        local = self._strategy.experimental_local_results
        by_leaf = [local(leaf) for leaf in tf.nest.flatten(results)]
        return [
            tf.nest.pack_sequence_as(results, leaves)
            for leaves in zip(*by_leaf, strict=True)
        ]
