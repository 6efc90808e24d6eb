"""The engine on TPUs: tables live in the TPU's memory, raw ops reach them.

enqueue   one op a core, on the core's host, takes the ids to the core
dequeue   in the program of `strategy.run`, receives the activations of one core
send      in the same program, sends the gradients; the TPU updates its rows
load      copies the hosts' variables into the TPU; retrieve copies them back

The graphs are those of `tf.tpu.experimental.embedding.TPUEmbedding` of TensorFlow 2.20
and 2.21, node by node. They are for TPUs up to v4; for SparseCores there is
`embedding.tpu.sparse_core`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.backend import Backend
from shardline.embedding.checkpoint.sets.cut import Cut
from shardline.embedding.config.optimizers import dynamic_learning_rates
from shardline.embedding.config.shapes import Shapes
from shardline.embedding.config.specs import FeatureSpec, TableSpec
from shardline.embedding.inputs.structure import of_replica
from shardline.embedding.tables.host_table import HostTable
from shardline.embedding.tables.variables_cut import VariablesCut
from shardline.embedding.tpu import (
    config_proto,
    core_devices,
    enqueue_inputs,
    guards,
    transfer,
)

# By it TensorFlow's passes over TPU graphs pair the ops of one step.
_NAME_ATTRIBUTE = "_tpu_embedding_layer"


class TPUBackend:
    """Implements `embedding.backend.Backend` with the ops of TPU embedding.

    Attributes:
        owns_tables: True, the TPU does.
        hosts: CPU devices that hold the rows, host 0 first.
        cores_per_replica: cores among which a replica's batch is split, or None.
        config: the serialized TPUEmbeddingConfiguration; empty before `initialize`.
    """

    def __init__(
        self,
        features: Sequence[FeatureSpec],
        tables: Sequence[TableSpec],
        strategy: tf.distribute.Strategy,
        *,
        pipelined: bool,
        initialize_tpu_embedding: bool = True,
    ):
        """Takes the configuration; builds no op.

        Args:
            features: every feature, in flattened order.
            tables: every table, in the order of first use.
            strategy: the `tf.distribute.TPUStrategy` to run under.
            pipelined: lookups one step stale, beside the dense model.
            initialize_tpu_embedding: False to join an engine that another instance of
                the same configuration has initialised.
        """
        self._features = list(features)
        self._table_specs = list(tables)
        self._strategy = strategy
        self._pipelined = pipelined
        self._initializes = initialize_tpu_embedding
        self._rates = list(dynamic_learning_rates([t.optimizer for t in tables]))
        self.owns_tables = True
        self.cores_per_replica = core_devices.cores_per_replica_of(strategy)
        self.hosts = core_devices.hosts_of(strategy.extended.worker_devices)
        self.config = b""
        self._tables: list[HostTable] = []
        self._transfers: dict[str, Callable[[], None]] = {}

    def shapes_of_core(self, shapes: Shapes, inputs: Sequence[Any]) -> Shapes:
        """Returns one core's share of the output shapes of one replica's batch."""
        parts = self.cores_per_replica
        if parts is None:
            return shapes
        enqueue_inputs.check_parts(inputs)
        return [
            shape
            if shape[0] is None
            else tf.TensorShape([shape[0] // parts, *shape[1:]])
            for shape in shapes
        ]

    def shape_of_replica(self, shape: tf.TensorShape) -> tf.TensorShape:
        """Returns the activations' shape of a replica from one core's output shape."""
        return tf.TensorShape([shape[0] * (self.cores_per_replica or 1), *shape[1:]])

    def initialize(self, output_shapes: Sequence[tf.TensorShape]) -> None:
        """Starts the TPU's embedding engine, or joins it; call it eagerly.

        Args:
            output_shapes: of each feature for one core, fully defined, without the
                table's dim. One core is one replica, unless `cores_per_replica` says
                that the replica's batch is split.

        Raises:
            RuntimeError: if the engine is already initialised, or, to join it, is not.
        """
        is_initialized = is_engine_initialized()
        if self._initializes and is_initialized:
            raise RuntimeError(
                "TPU is already initialized for embeddings. A TPU system holds one "
                "set of tables: use one TPUEmbedding instance, call "
                "tf.tpu.experimental.initialize_tpu_system first to start anew, or "
                "join the present one with initialize_tpu_embedding=False."
            )
        if not self._initializes and not is_initialized:
            raise RuntimeError(
                "initialize_tpu_embedding=False joins an initialised TPU embedding "
                "engine, but this system has none. Build the instance that "
                "initialises it first."
            )
        self.config = config_proto.configuration(
            self._features,
            self._table_specs,
            output_shapes,
            hosts=len(self.hosts),
            replicas=self._strategy.num_replicas_in_sync,
            cores_per_replica=self.cores_per_replica,
            pipelined=self._pipelined,
        ).SerializeToString()
        if self._initializes:
            # Not called itself: TensorFlow would warn of it in a process that starts
            # anew several times.
            tf.function(
                self._build_configure, autograph=False
            ).get_concrete_function()()

    def load(self, tables: Sequence[HostTable]) -> None:
        """Copies all tables into the TPU, in one graph; overwrites what it holds.

        When this instance has joined an engine, the first call goes the other way: it
        takes the tables over as they are.

        Args:
            tables: every table, in the order of first use.
        """
        joins = not self._initializes and not self._tables
        if list(tables) != self._tables:
            self._tables = list(tables)
            self._transfers = {
                name: self._transfer(build)
                for name, build in (
                    ("load", transfer.build_load),
                    ("retrieve", transfer.build_retrieve),
                )
            }
        self._transfers["retrieve" if joins else "load"]()

    def retrieve(self) -> None:
        """Copies all tables of the TPU into the loaded variables, in one graph."""
        self._transfers["retrieve"]()

    def touched_rows(self) -> None:
        """Returns None: the TPU does not track which rows it updates."""

    def touch_all_rows(self) -> None:
        """Does nothing: rows are not tracked."""

    def forget_touched_rows(self) -> None:
        """Does nothing: rows are not tracked."""

    def cut(self, differential: bool, spill_folder: str) -> Cut:
        """Begins a cut of the variables, which lie still until the next `retrieve`.

        Raises:
            ValueError: if `differential` is asked: rows are not tracked.
        """
        tables = self._tables
        return VariablesCut(tables, differential=differential, in_pause=False)

    def enqueue(
        self,
        features: Sequence[Any],
        weights: Sequence[Any],
        training: Any,
        *,
        name: str | None,
        device: str | None,
    ) -> None:
        """Sends the ids of one batch to the cores.

        Args:
            features: of each feature the ids of a core, if `device` is given or inside
                `strategy.run`; else `tf.distribute.DistributedValues` of a Tensor,
                SparseTensor or RaggedTensor for each replica.
            weights: None, or the weights of each feature, likewise.
            training: bool, Python's or a scalar tensor; whether gradients will follow.
            name: label that pairs the calls of one step, or None. TensorFlow allows
                one enqueue op of a name in a function: use it inside `strategy.run`.
            device: the TPU core that the batch is for, or None.

        Raises:
            ValueError: if inputs lie on a TPU, are made or changed inside
                `strategy.run`, are of a kind that does not fit, or `device` is no TPU.
            RuntimeError: in control flow, or a `tf.function`, inside `strategy.run`.
        """
        inside_run = guards.is_inside_run()
        for feature, ids in zip(self._features, features, strict=True):
            guards.check_on_host(feature.path, ids)
        if inside_run:
            for feature, ids in zip(self._features, features, strict=True):
                guards.check_direct(feature.path, ids)
            # The pass that moves the op to the host fills in the ordinal, and picks
            # one of the two modes if the op has a name: it wants to see the choice.
            tf.compat.v1.tpu.outside_compilation(
                lambda: self._build_enqueue(
                    features, weights, enqueue_inputs.selected_mode(training), -1, name
                )
            )
            return
        mode = enqueue_inputs.mode_of(training)
        if device is None:
            self._enqueue_replicas(features, weights, mode, name)
            return
        host, ordinal = core_devices.core_of(device)
        with tf.device(host):
            self._build_enqueue(features, weights, mode, ordinal, name)

    def dequeue(self, *, name: str | None) -> list[tf.Tensor]:
        """Returns this replica's activations of the oldest enqueued batch, waiting.

        Args:
            name: label that pairs the calls of one step, or None.
        """
        activations = tf.raw_ops.RecvTPUEmbeddingActivations(
            num_outputs=len(self._features), config=self.config
        )
        if tf.is_symbolic_tensor(activations[0]):
            _set_name(activations[0].op, name)
        return list(activations)

    def send_gradients(
        self, gradients: Sequence[tf.Tensor], *, name: str | None
    ) -> None:
        """Sends this replica's gradients; learning rates are evaluated here.

        Args:
            gradients: float32, of the activations' shapes, static; one a feature.
            name: label that pairs the calls of one step, or None.
        """
        op = tf.raw_ops.SendTPUEmbeddingGradients(
            inputs=list(gradients),
            learning_rates=[tf.cast(rate(), tf.float32) for rate in self._rates],
            config=self.config,
        )
        _set_name(op, name)

    def _transfer(self, build: Callable[..., None]) -> Callable[[], None]:
        """Returns a function that copies all tables in one graph."""
        bound = functools.partial(build, self._tables, self.hosts, self.config)
        transfer: Callable[[], None] = tf.function(bound, autograph=False)
        return transfer

    def _build_configure(self) -> None:
        with tf.device("/device:TPU_SYSTEM:0"):
            tf.raw_ops.ConfigureTPUEmbedding(config=self.config)

    def _enqueue_replicas(
        self, features: Sequence[Any], weights: Sequence[Any], mode: Any, name: Any
    ) -> None:
        """Builds one op for each core of every replica."""
        parts = self.cores_per_replica
        devices = core_devices.replica_devices(self._strategy)
        for replica, cores in enumerate(devices):
            ids, weight = of_replica(features, replica), of_replica(weights, replica)
            for part, device in enumerate(cores):
                host, ordinal = core_devices.core_of(device)
                with tf.device(host):
                    core_ids, core_weight = ids, weight
                    if parts:
                        core_ids = [enqueue_inputs.part_of(v, part, parts) for v in ids]
                        core_weight = [
                            enqueue_inputs.part_of(v, part, parts) for v in weight
                        ]
                    self._build_enqueue(core_ids, core_weight, mode, ordinal, name)

    def _build_enqueue(
        self,
        features: Sequence[Any],
        weights: Sequence[Any],
        mode: Any,
        ordinal: int,
        name: str | None,
    ) -> None:
        """Builds the op that sends one core its ids."""
        inputs = enqueue_inputs.op_inputs(self._features, features, weights)
        op = tf.raw_ops.EnqueueTPUEmbeddingArbitraryTensorBatch(
            sample_indices_or_row_splits=inputs.sample_indices_or_row_splits,
            embedding_indices=inputs.ids,
            aggregation_weights=inputs.weights,
            mode_override=mode,
            device_ordinal=ordinal,
            combiners=[table.config.combiner for table in self._table_specs],
        )
        _set_name(op, name)


def tpu_backend(
    features: Sequence[FeatureSpec],
    tables: Sequence[TableSpec],
    strategy: tf.distribute.Strategy,
    *,
    pipelined: bool,
    initialize_tpu_embedding: bool,
) -> Backend:
    """Returns the backend of a TPU: of its SparseCores where it has them.

    Args:
        features: every feature, in flattened order.
        tables: every table, in the order of first use.
        strategy: the `tf.distribute.TPUStrategy` to run under.
        pipelined: lookups one step stale, beside the dense model.
        initialize_tpu_embedding: False to join an initialised system.

    Raises:
        NotImplementedError: on SparseCores, to join a system.
    """
    if core_devices.has_sparse_cores(strategy):
        if not initialize_tpu_embedding:
            raise NotImplementedError(
                "initialize_tpu_embedding=False is not implemented on SparseCores "
                "(TPU v5 and later): every instance there holds tables of its own. "
                "Use one instance."
            )
        # Loaded on a TPU v5 or later only.
        from shardline.embedding.tpu.sparse_core import SparseCoreBackend

        on_sparse_cores: Backend = SparseCoreBackend(
            features, tables, strategy, pipelined=pipelined
        )
        return on_sparse_cores
    return TPUBackend(
        features,
        tables,
        strategy,
        pipelined=pipelined,
        initialize_tpu_embedding=initialize_tpu_embedding,
    )


def is_engine_initialized() -> bool:
    """Returns whether the TPU system already holds embedding tables."""
    return bool(tf.raw_ops.IsTPUEmbeddingInitialized())


def _set_name(op: Any, name: str | None) -> None:
    """Labels an op of a graph; an op that ran eagerly is gone, with nothing to pair."""
    if name is not None and op is not None:
        # No public function sets an attribute of an op.
        op._set_attr(
            _NAME_ATTRIBUTE, tf.compat.v1.AttrValue(s=tf.compat.as_bytes(name))
        )
