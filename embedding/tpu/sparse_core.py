"""The engine on TPUs with SparseCores (v5 and later), by TensorFlow's TPUEmbeddingV2.

There a lookup is part of the program of a step: nothing is queued. enqueue, dequeue and
send_gradients must stand in one function given to `strategy.run`; enqueue keeps the
batch until dequeue looks it up. What TPUEmbeddingV2 does not do, and would ignore
silently, is refused. Graphs and layouts were checked without hardware; nothing here has
run on a TPU.
"""

import collections
import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from shardline.embedding.checkpoint.sets.cut import Cut
from shardline.embedding.config.shapes import Shapes
from shardline.embedding.config.specs import FeatureSpec, TableSpec
from shardline.embedding.tables.host_table import HostTable
from shardline.embedding.tables.variables_cut import VariablesCut
from shardline.embedding.tpu import core_devices, guards, sparse_core_layout

# What TPUEmbeddingV2 casts ids to.
_LARGEST_ID = 2**31 - 1

# Options it ignores or refuses, with the values that leave them off; the first of each
# is the one that it takes.
_OFF = {
    "weight_decay_factor": (None, 0),
    # Without a factor there is nothing to multiply.
    "multiply_weight_decay_factor_by_learning_rate": (None, False, True),
    "clip_weight_min": (None,),
    "clip_weight_max": (None,),
    "clip_gradient_min": (None,),
    "clip_gradient_max": (None,),
    "use_gradient_accumulation": (True,),
    "lazy_adam": (True,),
    "slot_variable_creation_fn": (None,),
}


class _Batch(NamedTuple):
    """A batch between enqueue and dequeue.

    Attributes:
        graph: the graph that enqueue was called in.
        features: ids of each feature.
        weights: None, or weights of each feature.
        training: whether gradients may follow.
    """

    graph: Any
    features: list[Any]
    weights: list[Any]
    training: Any


class SparseCoreBackend:
    """Implements `embedding.backend.Backend` within one program of `strategy.run`.

    Attributes:
        owns_tables: True, the TPU does.
        hosts: CPU devices that hold copies of the rows, host 0 first.
    """

    def __init__(
        self,
        features: Sequence[FeatureSpec],
        tables: Sequence[TableSpec],
        strategy: tf.distribute.Strategy,
        *,
        pipelined: bool,
    ):
        """Checks that nothing asked for would be ignored.

        Args:
            features: every feature, in flattened order.
            tables: every table, in the order of first use.
            strategy: the `tf.distribute.TPUStrategy` to run under.
            pipelined: lookups one step stale, beside the dense model.

        Raises:
            NotImplementedError: on what SparseCores, or TensorFlow's class for them, do
                not support, named with its table or feature.
        """
        for feature in features:
            _check_feature(feature)
        for table in tables:
            _check_table(table)
        if core_devices.cores_per_replica_of(strategy):
            raise NotImplementedError(
                "Replicas of several cores (a device assignment) are not implemented "
                "on SparseCores. Use one core a replica."
            )
        self.owns_tables = True
        self.hosts = core_devices.hosts_of(strategy.extended.worker_devices)
        self._features = list(features)
        self._table_specs = list(tables)
        self._strategy = strategy
        self._pipelined = pipelined
        self._layer: Any = None
        self._tables: dict[str, HostTable] = {}
        self._enqueued: _Batch | None = None
        self._awaiting: tuple[Any, Any] | None = None

    def shapes_of_core(self, shapes: Shapes, inputs: Sequence[Any]) -> Shapes:
        """Returns the shapes as they are: one core is one replica."""
        return shapes

    def shape_of_replica(self, shape: tf.TensorShape) -> tf.TensorShape:
        """Returns the shape as it is: one core is one replica."""
        return shape

    def initialize(self, output_shapes: Sequence[tf.TensorShape]) -> None:
        """Creates the tables on the SparseCores.

        Args:
            output_shapes: of each feature for one core, fully defined.
        """
        with self._strategy.scope():
            self._layer = tf.tpu.experimental.embedding.TPUEmbeddingV2(
                self._configs(output_shapes),
                pipeline_execution_with_tensor_core=self._pipelined,
            )

    def load(self, tables: Sequence[HostTable]) -> None:
        """Copies all tables to the SparseCores; a host holds a whole stack meanwhile.

        Args:
            tables: every table, in the order of first use.
        """
        self._tables = {table.spec.name: table for table in tables}
        for layouts, slot, variable in self._stacks():
            values = {
                layout.table_name: tf.concat(self._shards(layout, slot), axis=0)
                for layout in layouts
            }
            stack = sparse_core_layout.stacked(layouts, values)
            parts = tf.split(stack, len(variable.values))
            for on_core, part in zip(variable.values, parts, strict=True):
                on_core.assign(part)

    def retrieve(self) -> None:
        """Copies all tables into the loaded variables; memory as for `load`."""
        for layouts, slot, variable in self._stacks():
            stack = tf.concat([on_core.read_value() for on_core in variable.values], 0)
            for layout in layouts:
                table = sparse_core_layout.unstacked(layout, stack)
                shards = self._shards(layout, slot)
                sizes = [shard.shape[0] for shard in shards]
                for shard, rows in zip(shards, tf.split(table, sizes), strict=True):
                    shard.assign(rows)

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
        tables = list(self._tables.values())
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
        """Keeps a batch for the dequeue that follows in the same program.

        Args:
            features: ids of each feature, arguments of the function in `strategy.run`.
            weights: None, or the weights of each feature.
            training: bool, Python's or a scalar tensor; whether gradients will follow.
            name: unused, nothing needs to be paired.
            device: must be None.

        Raises:
            NotImplementedError: outside of `strategy.run`, for a device, or on sparse
                ids of rank 3 and above.
            RuntimeError: if the batch before was not dequeued.
        """
        if device is not None or not guards.is_inside_run():
            raise NotImplementedError(
                "SparseCores have no queue: enqueue outside of strategy.run, or with "
                "`device`, is not implemented. Call enqueue, dequeue and "
                "apply_gradients in one function given to strategy.run."
            )
        for feature, ids in zip(self._features, features, strict=True):
            if isinstance(ids, tf.SparseTensor) and ids.shape.rank != 2:
                raise NotImplementedError(
                    f"Feature '{feature.path}': sparse ids of rank {ids.shape.rank} "
                    "are not implemented on SparseCores; expected rank 2."
                )
        graph = tf.compat.v1.get_default_graph()
        if self._enqueued is not None and self._enqueued.graph is graph:
            raise RuntimeError(
                "enqueue was called twice before dequeue: SparseCores have no queue. "
                "Alternate enqueue and dequeue."
            )
        self._enqueued = _Batch(graph, list(features), list(weights), training)

    def dequeue(self, *, name: str | None) -> list[tf.Tensor]:
        """Returns this replica's activations of the batch just enqueued.

        Args:
            name: unused.

        Raises:
            RuntimeError: if no batch was enqueued in this program.
        """
        batch, self._enqueued = self._enqueued, None
        if batch is None or batch.graph is not tf.compat.v1.get_default_graph():
            raise RuntimeError(
                "dequeue found no batch: on SparseCores enqueue must be called before "
                "it, in the same function given to strategy.run."
            )
        activations, preserved = self._layer(batch.features, batch.weights)
        if batch.training is not False:
            self._awaiting = (batch.graph, preserved)
        return list(activations)

    def send_gradients(
        self, gradients: Sequence[tf.Tensor], *, name: str | None
    ) -> None:
        """Updates the rows of the batch just dequeued.

        Args:
            gradients: float32, of the activations' shapes; one a feature.
            name: unused.

        Raises:
            RuntimeError: if no training batch was dequeued in this program.
        """
        awaiting, self._awaiting = self._awaiting, None
        if awaiting is None or awaiting[0] is not tf.compat.v1.get_default_graph():
            raise RuntimeError(
                "apply_gradients found no training batch: on SparseCores enqueue with "
                "training=True and dequeue must be called before it, in the same "
                "function given to strategy.run."
            )
        self._layer.apply_gradients(list(gradients), awaiting[1])

    def _configs(self, output_shapes: Sequence[tf.TensorShape]) -> list[Any]:
        """Returns copies of the feature configurations, named, shaped and complete."""
        tables = {}
        for spec in self._table_specs:
            table = copy.copy(spec.config)
            table.name, table.optimizer = spec.name, _without_options(spec.optimizer)
            # `load` brings the values. TPUEmbeddingV2 would ask for padded parts of a
            # stack, which an initializer of the whole table does not know.
            table.initializer = tf.zeros_initializer()
            tables[spec.name] = table
        configs = []
        for feature, shape in zip(self._features, output_shapes, strict=True):
            config = copy.copy(feature.config)
            config.table, config.output_shape = tables[feature.table_name], shape
            configs.append(config)
        return configs

    def _stacks(self) -> Iterator[tuple[list[Any], str, Any]]:
        """Yields (layouts of a stack's tables, slot name, the stack's variable)."""
        stacks = collections.defaultdict(list)
        for layout in self._layer.embedding_layouts.values():
            stacks[layout.stacked_table_name].append(layout)
        for stack, layouts in stacks.items():
            for slot, variable in self._layer.variables[stack].items():
                yield layouts, slot, variable

    def _shards(self, layout: Any, slot: str) -> list[Any]:
        """Returns the variables on the hosts of one table's parameters or slot."""
        table = self._tables[layout.table_name]
        sharded = table.parameters if slot == "parameters" else table.slots[slot]
        return list(sharded.variables)


def _check_feature(feature: FeatureSpec) -> None:
    if feature.config.max_sequence_length > 0:
        raise NotImplementedError(
            f"Feature '{feature.path}': max_sequence_length="
            f"{feature.config.max_sequence_length} is not implemented on SparseCores. "
            "Pass the positions as examples of their own, with output_shape."
        )


def _check_table(table: TableSpec) -> None:
    optimizer = type(table.optimizer).__name__
    for option, off in _OFF.items():
        value = getattr(table.optimizer, option, off[0])
        if value not in off:
            raise NotImplementedError(
                f"Table '{table.name}': {optimizer}({option}={value}) is not "
                f"implemented on SparseCores; leave it at {off[0]}."
            )
    if table.config.vocabulary_size - 1 > _LARGEST_ID:
        raise NotImplementedError(
            f"Table '{table.name}': {table.config.vocabulary_size} rows need ids of 64 "
            f"bits; SparseCores take ids up to {_LARGEST_ID}. Split the table."
        )


def _without_options(optimizer: Any) -> Any:
    """Returns a copy whose unused options have the values that are taken."""
    optimizer = copy.copy(optimizer)
    for option, off in _OFF.items():
        if hasattr(optimizer, option):
            setattr(optimizer, option, off[0])
    return optimizer
