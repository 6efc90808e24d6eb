"""The TPU embedding contract: structures, shapes and order of calls; no arithmetic.

`TPUEmbedding` keeps the name and the signatures of the API it implements, so that user
code moves over unchanged. It flattens the user's structures, checks them, and hands
lists of tensors to a backend.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from embedding.backend import Backend
from embedding.features import flatten_inputs
from embedding.host_backend import HostBackend
from embedding.hosts import logical_hosts
from embedding.specs import collect_tables, flatten_features
from embedding.tables import HostTable


class TPUEmbedding(tf.__internal__.tracking.Trackable):  # type: ignore[misc]
    """Trains embedding tables whose rows are split over hosts.

    Calls of one training step, eagerly or in a `tf.function`:

    ```python
    embedding.enqueue(features, training=True)
    with tf.GradientTape() as tape:
        activations = embedding.dequeue()
        tape.watch(activations)
        loss = model(activations)
    embedding.apply_gradients(tape.gradient(loss, activations))
    ```

    Batches leave in the order in which they were enqueued. enqueue may run ahead of
    dequeue, in another thread or in the same graph; results are those of strictly
    alternating steps. Gradients are summed over all occurrences of a row, and each
    touched row is updated once a step. As a `tf.train.Checkpoint` dependency it saves
    one logical tensor a table and slot, which restores onto any number of hosts.

    Reference: `tf.tpu.experimental.embedding.TPUEmbedding`.
    """

    def __init__(
        self,
        feature_config: Any,
        optimizer: Any = None,
        pipeline_execution_with_tensor_core: bool = False,
        *,
        hosts: Sequence[str] | None = None,
    ):
        """Checks the configuration; variables come with `build`.

        Args:
            feature_config: any nest of `tf.tpu.experimental.embedding.FeatureConfig`.
                Features with the same TableConfig object share its table.
            optimizer: `tf.tpu.experimental.embedding` optimizer of every table that has
                none of its own. None for tables that are only looked up.
            pipeline_execution_with_tensor_core: lookups one step stale, as a pipelined
                TPU gives; the host backend has synchronous steps only.
            hosts: TensorFlow CPU devices that hold the rows, host 0 first. Default:
                every logical CPU of the process.

        Raises:
            ValueError: if the configuration is not a nest of FeatureConfig, an
                optimizer is not one of TPU embedding, table names repeat, or a host is
                no CPU device of this process.
            NotImplementedError: on an optimizer, an optimizer option or an execution
                mode that the host backend does not have.
        """
        if pipeline_execution_with_tensor_core:
            raise NotImplementedError(
                "pipeline_execution_with_tensor_core=True is not implemented on the "
                "host backend; leave it False for synchronous steps."
            )
        self._feature_config = feature_config
        self._features = flatten_features(feature_config)
        self._table_specs = collect_tables(self._features, optimizer)
        self._hosts = _checked_hosts(hosts)
        self._tables: list[HostTable] | None = None
        self._backend: Backend | None = None
        self._batch_size: int | None = None

    @property
    def hosts(self) -> list[str]:
        """Devices that hold the rows, host 0 first."""
        return list(self._hosts)

    @property
    def embedding_tables(self) -> dict[Any, Any]:
        """Each table's parameters, by TableConfig: float32 [vocabulary_size, dim]."""
        return {table.spec.config: table.parameters for table in self._built_tables()}

    @property
    def slot_variables(self) -> dict[Any, dict[str, Any]]:
        """Each table's optimizer slots, by TableConfig and slot name."""
        return {table.spec.config: table.slots for table in self._built_tables()}

    def build(self, per_replica_input_shapes: int | None = None) -> None:
        """Creates tables, slots and queues.

        Args:
            per_replica_input_shapes: examples in each batch. Without it the first
                enqueue tells. Fixed from then on.

        Raises:
            ValueError: if the batch size is no positive int, or the engine was built
                for another one.
        """
        self._built_tables()
        if per_replica_input_shapes is None:
            return
        # A bool is an int, but no batch size.
        if type(per_replica_input_shapes) is not int or per_replica_input_shapes < 1:
            raise ValueError(
                "build takes the batch size, an int of at least 1; got "
                f"{per_replica_input_shapes!r}."
            )
        self._start_backend(per_replica_input_shapes)

    @tf.autograph.experimental.do_not_convert
    def enqueue(
        self,
        features: Any,
        weights: Any = None,
        training: bool = True,
        name: str | None = None,
        device: str | None = None,
    ) -> None:
        """Queues one batch of ids for lookup. Blocks while the queue is full.

        Args:
            features: nest like feature_config of int32 or int64 ids: Tensor [batch] or
                [batch, 1], SparseTensor [batch, n] or RaggedTensor [batch, None].
            weights: None, or a nest of the same structure: None, or floats of the kind
                and shape of the feature's ids.
            training: True if apply_gradients will follow the dequeue of this batch.
            name: prefix of op names.
            device: a TPU core to enqueue for; the host backend has none.

        Raises:
            ValueError: if structure, kinds, types or batch sizes do not fit.
            tf.errors.InvalidArgumentError: if an id lies outside its table.
            RuntimeError: if `training` is asked of an engine without an optimizer.
        """
        if device is not None:
            raise ValueError(
                f"Non-TPU device {device} passed to enqueue: the host backend enqueues "
                "for all hosts at once; leave device at None."
            )
        flat_features, flat_weights = flatten_inputs(
            self._features, self._feature_config, features, weights
        )
        if training:
            self._check_trainable("enqueue(training=True)")
        with tf.name_scope(name or "enqueue"):
            backend = self._start_backend(self._static_batch_size(flat_features))
            backend.enqueue(flat_features, flat_weights, training)

    @tf.autograph.experimental.do_not_convert
    def dequeue(self, name: str | None = None) -> Any:
        """Returns the activations of the oldest queued batch; waits for one.

        Args:
            name: prefix of op names.

        Returns:
            Nest like feature_config of float32 [batch, dim], or
            [batch, max_sequence_length, dim] for sequences. Rows without ids are zero.

        Raises:
            RuntimeError: if the engine is not built.
            tf.errors.InvalidArgumentError: if the last training batch still awaits its
                gradients; the batch asked for is lost then.
        """
        with tf.name_scope(name or "dequeue"):
            activations = self._running_backend("dequeue").dequeue()
        return tf.nest.pack_sequence_as(self._feature_config, activations)

    @tf.autograph.experimental.do_not_convert
    def apply_gradients(self, gradients: Any, name: str | None = None) -> None:
        """Updates the rows of the last training batch dequeued.

        Args:
            gradients: nest like feature_config, of the activations' shapes. None means
                a zero gradient: the rows still count as touched.
            name: prefix of op names.

        Raises:
            ValueError: if structure, shapes or types do not fit.
            RuntimeError: if the engine is not built or has no optimizer.
            tf.errors.InvalidArgumentError: if no training batch awaits gradients.
        """
        backend = self._running_backend("apply_gradients")
        self._check_trainable("apply_gradients")
        tf.nest.assert_same_structure(self._feature_config, gradients)
        with tf.name_scope(name or "apply_gradients"):
            backend.send_gradients(
                [
                    self._checked_gradient(*pair)
                    for pair in zip(
                        self._features, tf.nest.flatten(gradients), strict=True
                    )
                ]
            )

    def zero_activations(self) -> Any:
        """Returns activations of the built batch size without ids, all zero.

        What a dense model can be built with before the first batch.

        Raises:
            RuntimeError: if the batch size is not known yet.
        """
        self._running_backend("zero_activations")
        zeros = [tf.zeros(f.activation_shape(self._batch_size)) for f in self._features]
        return tf.nest.pack_sequence_as(self._feature_config, zeros)

    def _built_tables(self) -> list[HostTable]:
        """Creates the tables once, outside any graph that is being traced."""
        if self._tables is None:
            with tf.init_scope():
                tables = [HostTable(spec, self._hosts) for spec in self._table_specs]
            for table in tables:
                self._track(table.spec.name, table.parameters)
                for slot, variable in table.slots.items():
                    self._track(f"{table.spec.name}/{slot}", variable)
            self._tables = tables
        return self._tables

    def _track(self, name: str, variable: Any) -> None:
        """Makes a variable a checkpoint dependency, restoring it if one waits."""
        self._track_trackable(variable, name=name)
        self._handle_deferred_dependencies(name=name, trackable=variable)

    def _start_backend(self, batch_size: int) -> Backend:
        tables = self._built_tables()
        if self._backend is None:
            with tf.init_scope():
                self._backend = HostBackend(self._features, tables, batch_size)
            self._batch_size = batch_size
        if batch_size != self._batch_size:
            raise ValueError(
                "Multiple calls to enqueue with different batch sizes: the engine was "
                f"built for {self._batch_size} examples, got {batch_size}. Pad or drop "
                "the last partial batch."
            )
        return self._backend

    def _running_backend(self, method: str) -> Backend:
        if self._backend is None:
            raise RuntimeError(
                f"{method} called on unbuilt TPUEmbedding object. Call enqueue, or "
                "build with the batch size, first."
            )
        return self._backend

    def _check_trainable(self, method: str) -> None:
        lookup_only = [spec.name for spec in self._table_specs if not spec.optimizer]
        if lookup_only:
            raise RuntimeError(
                f"{method} needs an optimizer for every table; "
                f"{', '.join(lookup_only)} have none. Pass `optimizer`."
            )

    def _static_batch_size(self, flat_features: list[Any]) -> int:
        sizes = {
            feature.path: ids.shape[0]
            for feature, ids in zip(self._features, flat_features, strict=True)
            if ids.shape[0] is not None
        }
        if len(set(sizes.values())) > 1:
            raise ValueError(
                f"Found multiple batch sizes in one enqueue: {sizes}. All features of "
                "a batch must have the same number of examples."
            )
        if sizes:
            return int(next(iter(sizes.values())))
        if self._batch_size is None:
            raise RuntimeError(
                "Unable to determine batch size from input features. Call build with "
                "the batch size first."
            )
        return self._batch_size

    def _checked_gradient(self, feature: Any, gradient: Any) -> tf.Tensor:
        expected = feature.activation_shape(self._batch_size)
        if gradient is None:
            return tf.zeros(expected)
        if not isinstance(gradient, (tf.Tensor, tf.Variable)):
            raise ValueError(
                f"Feature '{feature.path}': found non-tensor type {type(gradient)} in "
                "gradients; expected a Tensor or None."
            )
        if not gradient.shape.is_compatible_with(expected):
            raise ValueError(
                f"Found gradient of shape {gradient.shape} for feature "
                f"'{feature.path}'. Expected shape {expected}."
            )
        if gradient.dtype != tf.float32:
            raise ValueError(
                f"Feature '{feature.path}': found gradient of type "
                f"{gradient.dtype.name}. Expected float32."
            )
        return tf.ensure_shape(gradient, expected)


def _checked_hosts(hosts: Sequence[str] | None) -> list[str]:
    """Returns full device names; refuses what TensorFlow would place elsewhere."""
    known = logical_hosts()
    if hosts is None:
        return known
    full = tf.DeviceSpec.from_string(known[0])
    if isinstance(hosts, str) or not hosts:
        raise ValueError(f"hosts must be a list of device names, got {hosts!r}.")
    names = [
        full.make_merged_spec(tf.DeviceSpec.from_string(host)).to_string()
        for host in hosts
    ]
    unknown = [
        host for host, name in zip(hosts, names, strict=True) if name not in known
    ]
    if unknown:
        raise ValueError(
            f"hosts {unknown} are not among the CPU devices of this process: {known}. "
            "Call configure_logical_hosts with the number you need."
        )
    return names
