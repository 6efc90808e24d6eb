"""The TPU embedding contract: structures, shapes and order of calls; no arithmetic.

`TPUEmbedding` keeps the name and the signatures of the API it implements, so that user
code moves over unchanged. It flattens the user's structures, checks them, and hands
lists of tensors to a backend.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.autograph import not_converted
from shardline.embedding.backend_choice import backend_for
from shardline.embedding.config.policies import Policies
from shardline.embedding.config.shapes import (
    Shapes,
    check_fully_defined,
    checked_shapes,
    configured_shapes,
    shapes_of_batch_size,
    shapes_of_build,
    shapes_of_inputs,
)
from shardline.embedding.config.specs import (
    FeatureSpec,
    collect_tables,
    flatten_features,
)
from shardline.embedding.inputs.structure import (
    as_input,
    check_inputs,
    flatten_like,
    of_replica,
    replica_count,
)
from shardline.embedding.tables.host_table import HostTable
from shardline.embedding.tables.tracked_tables import TrackedTables

_log = logging.getLogger(__name__)


class TPUEmbedding(TrackedTables):
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

    Created under a TPUStrategy it drives the TPU's embedding engine, elsewhere CPU
    hosts. Under a strategy of several replicas dequeue and apply_gradients are called
    inside `strategy.run`.

    Batches leave in the order in which they were enqueued. enqueue may run ahead of
    dequeue, in another thread or in the same graph; results are those of strictly
    alternating steps. Gradients are summed over all occurrences of a row and over all
    replicas, and each touched row is updated once a step. As a `tf.train.Checkpoint`
    dependency it saves one logical tensor a table and slot, which restores onto any
    number of hosts.

    Reference: `tf.tpu.experimental.embedding.TPUEmbedding`.
    """

    def __init__(
        self,
        feature_config: Any,
        optimizer: Any = None,
        pipeline_execution_with_tensor_core: bool = False,
        *,
        hosts: Sequence[str] | None = None,
        policies: Policies | None = None,
        initialize_tpu_embedding: bool = True,
    ):
        """Checks the configuration; variables come with `build`.

        Args:
            feature_config: any nest of `tf.tpu.experimental.embedding.FeatureConfig`.
                Features with the same TableConfig object share its table. The objects
                are read, never changed.
            optimizer: `tf.tpu.experimental.embedding` optimizer of every table that has
                none of its own. None for tables that are only looked up.
            pipeline_execution_with_tensor_core: True gives lookups that miss the update
                of the step before, and lets them run beside that step's dense model.
            hosts: TensorFlow CPU devices that hold the rows, host 0 first. Default:
                every logical CPU of the process. On a TPU: the TPU's own hosts.
            policies: what tables do with ids, weights and gradients they cannot use:
                "error" (the default), "drop" or "oov_row", for all tables or by table
                name. See `embedding.config.policies`. Not for a TPU.
            initialize_tpu_embedding: False joins a TPU system that another instance
                initialised; without effect elsewhere.

        Raises:
            ValueError: if the configuration is not a nest of FeatureConfig, an
                optimizer is not one of TPU embedding, table names repeat, or a host is
                no CPU device.
            NotImplementedError: on what the chosen backend does not have.
        """
        self._feature_config = feature_config
        self._features = flatten_features(feature_config, policies)
        tables = collect_tables(self._features, optimizer)
        backend = backend_for(
            self._features,
            tables,
            hosts=hosts,
            pipelined=pipeline_execution_with_tensor_core,
            policies=policies,
            initialize_tpu_embedding=initialize_tpu_embedding,
        )
        super().__init__(tables, backend)
        self._output_shapes: Shapes = configured_shapes(self._features)
        self._is_initialized = False
        self._building = threading.RLock()
        self._without_gradient: set[str] = set()

    @property
    def hosts(self) -> list[str]:
        """Devices that hold the rows, host 0 first."""
        return self._backend.hosts

    @property
    def features(self) -> list[FeatureSpec]:
        """Every feature, in the order of `tf.nest.flatten` of the configuration."""
        return list(self._features)

    @property
    def embedding_tables(self) -> dict[Any, Any]:
        """Each table's parameters, by TableConfig: float32 [vocabulary_size, dim].

        Raises:
            RuntimeError: under a TPUStrategy: the rows are on the TPU.
        """
        return {table.spec.config: table.parameters for table in self._read_tables()}

    @property
    def slot_variables(self) -> dict[Any, dict[str, Any]]:
        """Each table's optimizer slots, by TableConfig and slot name.

        Raises:
            RuntimeError: under a TPUStrategy: the rows are on the TPU.
        """
        return {table.spec.config: table.slots for table in self._read_tables()}

    def build(
        self, per_replica_input_shapes: Any = None, per_replica_batch_size: Any = None
    ) -> None:
        """Creates tables and slots and, once shapes are known, what carries batches.

        Args:
            per_replica_input_shapes: nest of `tf.TensorShape` of one replica's inputs,
                in the order of the features, or one int, the batch size. Without it
                the first enqueue tells. Fixed from then on, for training and
                evaluation.
            per_replica_batch_size: the batch size, as TensorFlow's older code gives it.

        Raises:
            ValueError: if shapes are not fully defined, or contradict feature_config
                or what the engine was built for.
            RuntimeError: if a TPU is already initialised for embeddings.
        """
        shapes = per_replica_input_shapes
        if shapes is None:
            shapes = per_replica_batch_size
        if shapes is None:
            self._build(None)
        elif isinstance(shapes, (int, np.integer)):
            # A bool is an int, but no batch size.
            if isinstance(shapes, bool) or shapes < 1:
                raise ValueError(
                    "build takes the batch size, an int of at least 1, or the inputs' "
                    f"shapes; got {shapes!r}."
                )
            self._build(shapes_of_batch_size(self._features, int(shapes)))
        else:
            # As TensorFlow's class: only the number and the order of shapes count.
            self._build(shapes_of_build(self._features, tf.nest.flatten(shapes)))

    @not_converted
    def enqueue(
        self,
        features: Any,
        weights: Any = None,
        training: Any = True,
        name: str | None = None,
        device: str | None = None,
    ) -> None:
        """Queues one batch of ids for lookup. Blocks while the queue is full.

        Args:
            features: nest like feature_config of int32 or int64 ids: Tensor [batch] or
                [..., 1], SparseTensor [batch, ..., n] or RaggedTensor [batch, None], or
                `tf.distribute.DistributedValues` of them.
            weights: None, or a nest of the same structure: None, or floats of the kind
                and shape of the feature's ids.
            training: True if apply_gradients will follow the dequeue of this batch; a
                bool, Python's or a scalar tensor.
            name: prefix of op names; on a TPU the label that pairs the calls of a step.
            device: the TPU core or replica device that the batch is for, when features
                are one replica's and enqueue is not called inside `strategy.run`.

        Raises:
            ValueError: if structure, kinds, types or shapes do not fit.
            TypeError: if the nests are of different types.
            RuntimeError: if `training` is asked of an engine without an optimizer,
                inside control flow in `strategy.run`, or if the first call finds a TPU
                that is already initialised for embeddings.
            NotImplementedError: on SparseCores, outside of `strategy.run`, with
                `device`, or for sparse ids of rank 3.
            tf.errors.InvalidArgumentError: on values that a table's policy refuses.
        """
        flat = [as_input(i) for i in flatten_like(self._feature_config, features)]
        flat_weights = [None] * len(flat)
        if weights is not None:
            flat_weights = flatten_like(self._feature_config, weights)
        for replica in range(replica_count(flat)):
            inputs = of_replica(flat, replica)
            check_inputs(self._features, inputs, of_replica(flat_weights, replica))
        if not isinstance(training, (bool, np.bool_)) or training:
            self._check_trainable("enqueue with training=True, or a tensor,")
        inputs = of_replica(flat, 0)
        shapes = shapes_of_inputs(self._features, inputs)
        self._build(shapes if device else self._backend.shapes_of_core(shapes, inputs))
        self._backend.enqueue(flat, flat_weights, training, name=name, device=device)

    @not_converted
    def dequeue(self, name: str | None = None) -> Any:
        """Returns the activations of the oldest queued batch; waits for one.

        Args:
            name: prefix of op names, or label, as in enqueue.

        Returns:
            Nest like feature_config of float32 [batch, dim], or
            [batch, max_sequence_length, dim] for sequences, or output_shape + [dim].
            Rows without ids are zero.

        Raises:
            RuntimeError: if the engine is not built, with several replicas outside
                `strategy.run`, or on SparseCores out of order.
            tf.errors.InvalidArgumentError: if the last training batch still awaits its
                gradients. Nothing is lost: apply them, and call again.
        """
        self._check_initialized("dequeue")
        activations = self._backend.dequeue(name=name)
        return tf.nest.pack_sequence_as(self._feature_config, activations)

    @not_converted
    def apply_gradients(self, gradients: Any, name: str | None = None) -> None:
        """Updates the rows of the last training batch dequeued.

        Args:
            gradients: nest like feature_config, of the activations' shapes. None means
                a zero gradient: the rows still count as touched.
            name: prefix of op names, or label, as in enqueue.

        Raises:
            ValueError: if structure, shapes or types do not fit.
            TypeError: if the nests are of different types.
            RuntimeError: if the engine is not built or has no optimizer, with several
                replicas outside `strategy.run`, or on SparseCores out of order.
            tf.errors.InvalidArgumentError: if no training batch awaits gradients, or
                a gradient is not finite and its table's policy is "error".
        """
        self._check_initialized("apply_gradients")
        self._check_trainable("apply_gradients")
        checked = [
            self._checked_gradient(position, gradient)
            for position, gradient in enumerate(
                flatten_like(self._feature_config, gradients)
            )
        ]
        self._backend.send_gradients(checked, name=name)

    def zero_activations(self) -> Any:
        """Returns activations of a batch without ids, all zero.

        What a dense model can be built with before the first batch.

        Raises:
            RuntimeError: if the shapes are not known yet.
        """
        self._check_initialized("zero_activations")
        zeros = [
            tf.zeros(self._activation_shape(i)) for i in range(len(self._features))
        ]
        return tf.nest.pack_sequence_as(self._feature_config, zeros)

    def _build(self, incoming: Shapes | None) -> None:
        """Creates what is missing, outside any graph that is being traced."""
        if incoming is not None:
            shapes = checked_shapes(self._features, self._output_shapes, incoming)
            check_fully_defined(self._features, shapes)
            self._output_shapes = shapes
        elif self._backend.owns_tables:
            check_fully_defined(self._features, self._output_shapes)
        are_known = all(shape.is_fully_defined() for shape in self._output_shapes)
        # Several threads may enqueue the first batch.
        with self._building, tf.init_scope():
            if are_known and not self._is_initialized:
                self._backend.initialize(self._output_shapes)
                self._is_initialized = True
            self._create_tables()

    def _read_tables(self) -> list[HostTable]:
        """Returns the tables with every update applied."""
        if self._backend.owns_tables:
            raise RuntimeError(
                "Unable to retrieve embedding tables when using a TPU strategy. Save a "
                "checkpoint, create the engine outside of the strategy, and restore."
            )
        self._build(None)
        self._retrieve_variables()
        return self._tables or []

    def _check_initialized(self, method: str) -> None:
        if not self._is_initialized:
            raise RuntimeError(
                f"{method} called on unbuilt TPUEmbedding object. Enqueue a batch "
                "first, or call build with the batch size."
            )

    def _check_trainable(self, method: str) -> None:
        lookup_only = [spec.name for spec in self._table_specs if not spec.optimizer]
        if lookup_only:
            raise RuntimeError(
                f"{method} needs an optimizer for every table; "
                f"{', '.join(lookup_only)} have none. Pass `optimizer`, or "
                "training=False."
            )

    def _activation_shape(self, position: int) -> list[int]:
        shape = self._backend.shape_of_replica(self._output_shapes[position])
        return [*shape.as_list(), self._features[position].config.table.dim]

    def _warn_of_zero_gradient(self, path: str) -> None:
        if path not in self._without_gradient:
            self._without_gradient.add(path)
            _log.warning(
                "No gradient passed for feature %s, sending zero gradient: its rows "
                "count as touched, and the slots of Adam and momentum advance.",
                path,
            )

    def _checked_gradient(self, position: int, gradient: Any) -> tf.Tensor:
        path = self._features[position].path
        expected = self._activation_shape(position)
        if gradient is None:
            self._warn_of_zero_gradient(path)
            gradient = tf.zeros(expected)
        if not isinstance(gradient, (tf.Tensor, tf.Variable)):
            raise ValueError(
                f"found non-tensor type: {type(gradient)} at path {path}. Gradients "
                "must be Tensors or None."
            )
        if not gradient.shape.is_compatible_with(expected):
            raise ValueError(
                f"Found gradient of shape {gradient.shape} at path {path}. Expected "
                f"shape {expected}. Pass the gradient of what dequeue returned."
            )
        if gradient.dtype != tf.float32:
            raise ValueError(
                f"Found gradient of type {gradient.dtype.name} at path {path}. "
                "Expected float32. Cast it if the model computes in another type."
            )
        if not gradient.shape.is_fully_defined():
            gradient = tf.ensure_shape(gradient, expected)
        return tf.reshape(gradient, expected)
