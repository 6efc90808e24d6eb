"""Host-sharded tables: each host's rows of parameters and slots are variables there.

Each variable is made where it lies, a block of rows at a time, so that a shard never
needs a second copy of itself; see `embedding.config.initializers` for the values and
`embedding.tables.sharded_variable` for what a checkpoint holds.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from shardline.embedding.checkpoint.save_hooks import is_exporting
from shardline.embedding.config.initializers import row_values
from shardline.embedding.config.specs import TableSpec
from shardline.embedding.tables import partition
from shardline.embedding.tables.sharded_variable import (
    RowShardedVariable,
    on_every_task,
    plain_variable,
    write_rows,
)


class Shard(NamedTuple):
    """One host's rows of a table.

    Attributes:
        host: the device.
        parameters: float32 [rows, dim].
        slots: float32 [rows, dim] each, in the order of the optimizer.
    """

    host: str
    parameters: tf.Variable
    slots: tuple[tf.Variable, ...]


class HostTable:
    """One table and its slots over the hosts.

    Attributes:
        spec: the table's configuration.
        starts: the first row of each shard.
        hosts: the device of each shard.
        parameters: float32 [vocabulary_size, dim], sharded by rows.
        slots: the slots by slot name, sharded like `parameters`.
    """

    def __init__(
        self,
        spec: TableSpec,
        hosts: Sequence[str],
        preload: Callable[[str], Any] | None = None,
    ):
        """Creates and initialises the variables, plain ones under any strategy.

        Initial values do not depend on the number of hosts.

        Args:
            spec: the table's configuration.
            hosts: TensorFlow devices, host 0 first.
            preload: tells by a variable's name in checkpoints whether a checkpoint
                waits to be restored into it (not None), so that it needs no initial
                values: `_preload_simple_restoration` of who tracks it.

        Raises:
            ValueError: if an initializer gives another shape than it was asked for, or
                the optimizer's slot_variable_creation_fn other slots than it should.
        """
        self.spec = spec
        self._shape = (spec.config.vocabulary_size, spec.config.dim)
        self._ranges = partition.row_ranges(self._shape[0], len(hosts))
        self.starts = [start for start, _ in self._ranges]
        self.hosts = list(hosts[: len(self.starts)])
        self._preload = preload or (lambda name: None)
        self.parameters = self._variable(spec.name, spec.config.initializer)
        self.slots = self._created_slots(spec.optimizer)

    def shards(self) -> list[Shard]:
        """Returns the shard of each host that holds rows.

        Raises:
            ValueError: in a function that is traced for a SavedModel, which holds
                neither an engine's queues nor tables in shards.
        """
        if is_exporting():
            raise ValueError(
                f"Table '{self.spec.name}': a function that trains or looks up with "
                "the engine cannot be part of a SavedModel. Save only "
                "functions that call embedding.serving_embedding_lookup, and keep "
                "those that call the engine's enqueue, dequeue and apply_gradients out "
                "of the attributes of what is saved."
            )
        slots = [slot.variables for slot in self.slots.values()]
        return [
            Shard(host, parameters, tuple(slot[part] for slot in slots))
            for part, (host, parameters) in enumerate(
                zip(self.hosts, self.parameters.variables, strict=True)
            )
        ]

    def _created_slots(self, optimizer: Any) -> dict[str, RowShardedVariable]:
        if optimizer is None:
            return {}
        # The contract between TensorFlow's optimizers and who creates their slots.
        names, initializers = optimizer._slot_names(), optimizer._slot_initializers()
        create = getattr(optimizer, "slot_variable_creation_fn", None)
        if create is None:
            return {
                name: self._variable(
                    f"{self.spec.name}/{name}", initializer, trainable=False
                )
                for name, initializer in zip(names, initializers, strict=True)
            }
        with tf.variable_creator_scope(self._shard_creation):
            created = create(self.parameters, names, initializers)
        if not isinstance(created, dict) or set(created) != set(names):
            raise ValueError(
                f"Table '{self.spec.name}': slot_variable_creation_fn must return a "
                f"dict with the slots {sorted(names)}; got {_described(created)}."
            )
        return {name: self._accepted(name, created[name]) for name in names}

    def _shard_creation(
        self, _: Callable[..., Any], **options: Any
    ) -> RowShardedVariable:
        """Creates over the hosts what user code creates with `tf.Variable`."""
        initializer, shape = _requested(**options)
        if tuple(shape) != self._shape:
            raise ValueError(
                f"Table '{self.spec.name}': slot_variable_creation_fn created a "
                f"variable of shape {tuple(shape)}; a slot has the table's shape "
                f"{self._shape}."
            )
        name = options.get("name") or f"{self.spec.name}/slot"
        trainable = bool(options.get("trainable"))
        return self._made(name, initializer, trainable)

    def _accepted(self, name: str, slot: Any) -> RowShardedVariable:
        """Returns a slot that user code made, if it lies where its table does."""
        if isinstance(slot, RowShardedVariable) and _shapes_and_devices(
            slot
        ) == _shapes_and_devices(self.parameters):
            return slot
        if (
            isinstance(slot, tf.Variable)
            and len(self.hosts) == 1
            and tuple(slot.shape) == self._shape
            and slot.dtype == tf.float32
        ):
            return RowShardedVariable([slot], slot.name)
        raise ValueError(
            f"Table '{self.spec.name}': slot_variable_creation_fn returned "
            f"{_described(slot)} for '{name}'; expected what tf.Variable returns when "
            "it is called in the function itself: it lies on the table's "
            f"{len(self.hosts)} host(s) then."
        )

    def _variable(
        self, name: str, initializer: Any, trainable: bool = True
    ) -> RowShardedVariable:
        """Creates a variable that is tracked as `name`; without values if they wait."""
        if self._preload(name) is not None:
            initializer = tf.zeros_initializer()
        return self._made(name, initializer, trainable)

    def _made(self, name: str, initializer: Any, trainable: bool) -> RowShardedVariable:
        with tf.device(self.hosts[0]):
            source = row_values(initializer, self._shape, name)
        shards = []
        for part, (host, rows) in enumerate(zip(self.hosts, self._ranges, strict=True)):
            with tf.device(host):
                initial_value = (
                    source.values(*rows)
                    if source.is_one_block(*rows)
                    else tf.zeros([rows[1] - rows[0], self._shape[1]])
                )
                shards.append(
                    plain_variable(initial_value, f"{name}/part_{part}", trainable)
                )
            del initial_value

        def fill(part: int) -> None:
            start, stop = self._ranges[part]
            if source.is_one_block(start, stop):
                return
            for first, last in partition.aligned_blocks(start, stop, source.block_rows):
                with tf.device(self.hosts[part]):
                    rows = source.values(first, last)
                write_rows(shards[part], first - start, rows)

        on_every_task(self.hosts, fill)
        return RowShardedVariable(shards, name)


def _requested(
    initial_value: Any = None, shape: Any = None, **_: Any
) -> tuple[Callable[..., Any], Any]:
    """Returns the initializer and the shape in a call of `tf.Variable`.

    Raises:
        ValueError: if it gives values instead.
    """
    if isinstance(initial_value, functools.partial):
        if "shape" in initial_value.keywords:
            return initial_value.func, initial_value.keywords["shape"]
        if initial_value.args:
            return initial_value.func, initial_value.args[0]
    if shape is None or not callable(initial_value):
        raise ValueError(
            f"Unable to extract initializer function and shape from {initial_value!r}. "
            "In slot_variable_creation_fn, give tf.Variable "
            "functools.partial(initializer, shape=..., dtype=...), or an initializer "
            "and `shape`: every host makes its own rows."
        )
    return initial_value, shape


def _shapes_and_devices(variable: RowShardedVariable) -> list[tuple[Any, str]]:
    return [(shard.shape, shard.device) for shard in variable.variables]


def _described(value: Any) -> str:
    """Returns a short description of what user code returned, for messages."""
    if isinstance(value, dict):
        return f"the slots {sorted(map(str, value))}"
    shape = getattr(value, "shape", None)
    return type(value).__name__ + ("" if shape is None else f" of shape {shape}")
