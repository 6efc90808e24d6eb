"""One logical [rows, dim] variable, sharded by rows, that streams through checkpoints.

A checkpoint holds it as one tensor, written in slices of at most `SLICE_BYTES` of
`embedding.checkpoint.pieces`. Saving
hands TensorFlow views of the shards, not copies. Restoring reads slice after slice into
the shard that is there already, on the shard's own host, so it needs the shard and two
slices at a time; TensorFlow's own way reads every shard of a host a second time before
it assigns the first. What TensorFlow's own classes wrote in one piece is read from the
file in parts.

TensorFlow calls `_checkpoint_adapter` with the checkpoint's path once for every object
it restores, between asking for what is to be read and reading it. The rows are read
there, and nothing is left for TensorFlow to read.
"""

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

# TensorFlow's sharded variable is not exported, and nothing exported replaces it: it is
# what `tf.nn.embedding_lookup` and checkpoints take for one variable.
from tensorflow.python.distribute.sharded_variable import ShardedVariable

# `tf.Variable` becomes mirrored in the scope of a strategy; this class stays plain.
from tensorflow.python.ops.resource_variable_ops import ResourceVariable

# How checkpoints take tensors whose values are fetched as late as possible.
from tensorflow.python.training.saving.saveable_object import (
    SaveableObject,
    SaveSpec,
)

from shardline.embedding.checkpoint import pieces
from shardline.embedding.checkpoint.index import StoredRows, stored_rows
from shardline.embedding.hosts import task_of
from shardline.embedding.tables import partition

_ATTRIBUTE = "VARIABLE_VALUE"


def plain_variable(
    initial_value: Any, name: str, trainable: bool = True
) -> ResourceVariable:
    """Returns a variable on the current device, plain under any strategy's scope."""
    return ResourceVariable(initial_value, name=name, trainable=trainable)


def write_rows(variable: Any, first_row: int, rows: tf.Tensor) -> Any:
    """Writes rows into a variable in place, without a second copy of it.

    Args:
        variable: [n, dim], on any host.
        first_row: where the rows go.
        rows: [m, dim], of the variable's dtype.
    """
    with tf.device(variable.device):
        # A scatter is the one update that copies nothing, whatever was done before.
        return tf.raw_ops.ResourceScatterUpdate(
            resource=variable.handle,
            indices=tf.range(first_row, first_row + tf.shape(rows, tf.int64)[0]),
            updates=rows,
        )


def on_every_task(devices: Sequence[str], work: Callable[[int], None]) -> None:
    """Does work for each device: in turn within a task, the tasks at the same time.

    What one device's work holds in memory for a while is so held once a process.

    Args:
        devices: names of TensorFlow devices.
        work: called with each position in `devices`.
    """
    tasks: dict[str, list[int]] = {}
    for part, device in enumerate(devices):
        tasks.setdefault(task_of(device), []).append(part)

    def of_task(parts: list[int]) -> None:
        for part in parts:
            work(part)

    if len(tasks) == 1:
        of_task(list(range(len(devices))))
        return
    with ThreadPoolExecutor(len(tasks)) as pool:
        list(pool.map(of_task, tasks.values()))


class RowShardedVariable(ShardedVariable):  # type: ignore[misc]
    """A float32 [rows, dim] variable whose row ranges lie on hosts.

    Attributes:
        after_restore: called without arguments whenever a checkpoint was read into it.
    """

    def __init__(self, variables: Sequence[Any], name: str):
        """Takes the shards.

        Args:
            variables: plain variables [n, dim], by ascending rows.
            name: name of the logical variable.
        """
        super().__init__(list(variables), name=name)
        self.after_restore: Callable[[], None] | None = None
        self._gathered: _Gathered | None = None

    def _gather_saveables_for_checkpoint(self) -> dict[str, Any]:
        return {_ATTRIBUTE: self._gather}

    def _gather(self, name: str | None = None) -> list["_ShardSaveable"]:
        """Returns what TensorFlow saves, and what it is to restore, under a key."""
        self._maybe_initialize_trackable()
        key = name or self.name
        shape = self.shape.as_list()
        saveables, start = [], 0
        for variable in self._variables:
            saveables.append(_ShardSaveable(variable, start, shape, key))
            start += variable.shape[0]
        self._gathered = _Gathered(key, self._update_uid, saveables)
        return saveables

    def _checkpoint_adapter(self, path: str) -> None:
        """Reads the shards from a checkpoint, if TensorFlow is about to restore them.

        Raises:
            RuntimeError: in a graph of TensorFlow 1.
            ValueError: if the checkpoint holds another shape.
        """
        gathered, self._gathered = self._gathered, None
        # A restore raises the update number after it gathered; a save does not, nor
        # does a restore that is older than the values that are here.
        if gathered is None or self._update_uid <= gathered.update_uid:
            return
        if not tf.executing_eagerly():
            raise RuntimeError(
                f"'{self.name}' is restored in a graph; host-sharded tables are "
                "restored eagerly. Call restore outside of tf.Graph."
            )
        self._check_shape(path, gathered.key)
        stored = stored_rows(path, gathered.key)
        on_every_task(
            [variable.device for variable in self._variables],
            lambda part: gathered.saveables[part].stream(path, stored),
        )
        if self.after_restore is not None:
            self.after_restore()

    def _export_to_saved_model_graph(
        self, object_map: Any, tensor_map: Any, options: Any, **kwargs: Any
    ) -> list[Any]:
        """Exports one variable of all rows, which functions of the export read.

        A function that was traced before reads the shards. TensorFlow's class exports
        each of several as the whole table, of which the function reads wrong rows. Here
        they are not exported, and TensorFlow refuses to save such a function.
        """
        if len(self._variables) == 1:
            exported: list[Any] = super()._export_to_saved_model_graph(
                object_map, tensor_map, options, **kwargs
            )
            return exported
        exported = self._saving_variable._export_to_saved_model_graph(
            object_map, tensor_map, options, **kwargs
        )
        whole = object_map[self._saving_variable]
        object_map[self] = ShardedVariable([whole], name=self.name)
        for variable in self._variables:
            # Called for what TensorFlow's message shows of a variable.
            variable.handle._parent_trackable = self._why_not_exported
        return exported

    def _why_not_exported(self) -> str:
        return (
            f"one of the {len(self._variables)} hosts' rows of '{self.name}'. The "
            "function was traced before the save, or takes the table's parts itself, "
            "but a SavedModel holds the table in one piece. Save the tf.function "
            "itself, with an input_signature, in place of what get_concrete_function "
            "returned: it is traced anew while it is saved. Have it look up in the "
            "table with embedding.serving_embedding_lookup or "
            "tf.nn.embedding_lookup, not in its `variables` or slices. Or look up in "
            "tf.Variables of whole tables, as "
            "shardline.embedding.serving.keras_layer.EmbeddingLookup does."
        )

    def _check_shape(self, path: str, key: str) -> None:
        stored = tf.train.load_checkpoint(path).get_variable_to_shape_map()[key]
        if list(stored) != self.shape.as_list():
            raise ValueError(
                f"'{key}' of checkpoint {path} has the shape {list(stored)}; the "
                f"variable '{self.name}' it is to be restored into has "
                f"{self.shape.as_list()}. Tables do not change shape in a restore."
            )

    def _copy_trackable_to_cpu(self, object_map: Any) -> None:
        """Copies the shards for an asynchronous checkpoint."""
        for variable in self._variables:
            variable._copy_trackable_to_cpu(object_map)
        if self not in object_map:
            copies = [object_map[variable] for variable in self._variables]
            object_map[self] = RowShardedVariable(copies, self.name)


@dataclasses.dataclass(frozen=True)
class _Gathered:
    """What TensorFlow last asked for: by which key, and before which restore."""

    key: str
    update_uid: int
    saveables: list["_ShardSaveable"]


class _ShardSaveable(SaveableObject):  # type: ignore[misc]
    """One shard as slices of the logical tensor."""

    def __init__(self, variable: Any, start: int, full_shape: list[int], key: str):
        self._variable = variable
        self._start = start
        self._full_shape = full_shape
        slice_rows = pieces.rows_of(pieces.SLICE_BYTES, variable.shape[1])
        blocks = partition.aligned_blocks(0, variable.shape[0], slice_rows)
        specs = [self._spec(*rows, key) for rows in blocks]
        super().__init__(variable, specs, key)

    def stream(self, path: str, stored: Sequence[StoredRows]) -> None:
        """Reads this shard's rows from a checkpoint; TensorFlow need not any more.

        Args:
            path: the checkpoint.
            stored: the pieces in which it stores the tensor.
        """
        stop = self._start + self._variable.shape[0]
        for piece in stored:
            first, last = max(piece.first, self._start), min(piece.last, stop)
            if first < last:
                self._read(path, piece, first, last)
        self.specs: list[SaveSpec] = []

    def _read(self, path: str, piece: StoredRows, first: int, last: int) -> None:
        """Reads the rows [first, last) of a piece, a bounded part at a time."""
        shape = self._full_shape
        for part in pieces.parts_to_read(piece, first, last, shape[1]):
            with tf.device(self._variable.device):
                rows = pieces.read_part(path, self.name, shape, piece, *part)
            write_rows(self._variable, part[0] - self._start, rows)

    def _spec(self, first: int, last: int, key: str) -> SaveSpec:
        return SaveSpec(
            lambda: rows_view(self._variable, first, last),
            self._slice(self._start + first, self._start + last),
            key,
            dtype=self._variable.dtype,
            device=self._variable.device,
        )

    def _slice(self, first: int, last: int) -> str:
        """Returns rows of the logical tensor in the language of SaveV2."""
        rows, dim = self._full_shape
        return f"{rows} {dim} {first},{last - first}:0,{dim}"


def rows_view(variable: Any, first: int, last: int) -> tf.Tensor:
    """Returns rows of a variable without a copy, wherever it lies.

    Args:
        variable: [n, dim].
        first: the first row, at a multiple of 64 bytes.
        last: end row, exclusive.
    """
    dim = variable.shape[1]
    with tf.device(variable.device):
        flat = tf.reshape(variable.read_value_no_copy(), [-1])
        # int64, since a shard may hold more values than an int32 counts.
        begin, size = np.array([[first * dim], [(last - first) * dim]], np.int64)
        rows = tf.slice(flat, begin, size)
        rows = tf.reshape(rows, [last - first, dim])
    # Files are written by the CPU of the variable's own task.
    with tf.device(variable.device), tf.device("/device:CPU:0"):
        return tf.identity(rows)
