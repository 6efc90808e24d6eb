"""The native row trackers of an engine's tables.

A tracker is a resource on the device that holds a table's rows. It knows which rows
were touched since the last cut; or all of them, while no set is known to hold the
table: after its creation, and after its values came from elsewhere. While a set is
written it copies rows aside before training changes them.
"""

import contextlib
import functools
import itertools
import os
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

# Owners go wherever Python collects them, while a graph is built too. TensorFlow's own
# resources are destroyed in this mode; it is not exported.
from tensorflow.python.eager.context import eager_mode

from shardline.embedding.checkpoint.sets.cut import PARAMETERS, ROWS, Piece
from shardline.embedding.tables.host_table import Shard

# What copies of rows may take in memory, of the bytes of a host's tables and slots.
_COPIES_PART = 25
_COPIES_AT_LEAST_BYTES = 64 * 2**20
# How the op that writes numbers the tensors of a table.
_ROWS_NUMBER = -1

_numbers = itertools.count()


class TrackedShard(NamedTuple):
    """One host's rows of a table that is tracked.

    Attributes:
        table: the table's name.
        slots: the names of the slots.
        first_row: the first row on the host.
        shard: the variables.
    """

    table: str
    slots: list[str]
    first_row: int
    shard: Shard


class RowTrackers:
    """The trackers of one host's tables.

    Attributes:
        handles: of the trackers, resource scalars on the host.
    """

    def __init__(self, device: str, shards: Sequence[TrackedShard], ops: Any):
        """Makes a tracker for each table, with all rows touched.

        Args:
            device: the host.
            shards: of the tables with rows there.
            ops: from `embedding.native.library.native_ops`.
        """
        self._device = device
        self._shards = list(shards)
        self._ops = ops
        variables = [tracked.shard for tracked in shards]
        with _eagerly_on(device):
            self.handles = [
                ops.shardline_row_tracker(
                    shared_name=_new_name(),
                    rows=shard.parameters.shape[0],
                    dim=shard.parameters.shape[1],
                    slots=len(shard.slots),
                )
                for shard in variables
            ]
        gone = weakref.finalize(self, _destroy, device, self.handles)
        # When the process ends TensorFlow may be gone, and with it the trackers.
        gone.atexit = False
        self._inputs = {
            "tables": [shard.parameters.handle for shard in variables],
            "slots": [slot.handle for shard in variables for slot in shard.slots],
            "trackers": self.handles,
        }
        # Of the tables, then of their slots.
        self._dims = [shard.parameters.shape[1] for shard in variables]
        for shard in variables:
            self._dims += [shard.parameters.shape[1]] * len(shard.slots)

    def set_touched(self, touched: bool) -> None:
        """Sets all rows to touched, or none of them; a cut is void then."""
        with _eagerly_on(self._device):
            self._ops.shardline_set_touched(
                **self._inputs, touched=touched, dims=self._dims
            )

    def touched_rows(self) -> dict[str, int]:
        """Returns how many rows of each table were touched since the last cut."""
        with _eagerly_on(self._device):
            return self._by_table(self._ops.shardline_touched_rows(self.handles))

    def begin_cut(self, differential: bool, spill_folder: str) -> dict[str, int]:
        """Begins a cut; returns how many rows of each table are to be stored.

        Raises:
            tf.errors.FailedPreconditionError: if the cut before is not ended.
        """
        size = sum(
            4 * variable.shape.num_elements()
            for tracked in self._shards
            for variable in (tracked.shard.parameters, *tracked.shard.slots)
        )
        with _eagerly_on(self._device):
            rows = self._ops.shardline_cut(
                **self._inputs,
                differential=differential,
                copy_limit_bytes=max(size // _COPIES_PART, _COPIES_AT_LEAST_BYTES),
                spill_folder=os.path.abspath(spill_folder),
                dims=self._dims,
            )
            return self._by_table(rows)

    def end_cut(self, succeeded: bool) -> None:
        """Ends the cut; the rows of one that did not succeed count as touched."""
        with _eagerly_on(self._device):
            self._ops.shardline_end_cut(
                **self._inputs, succeeded=succeeded, dims=self._dims
            )

    def write(self, path: str) -> list[Piece]:
        """Writes the rows of the cut into a file on the host, durably.

        Raises:
            tf.errors.OpError: on what the disk says, or if the cut is void.
        """
        pieces = self._write(tf.constant(os.path.abspath(path))).numpy().tolist()
        return [self._piece(*columns) for columns in pieces]

    @functools.cached_property
    def _write(self) -> Any:
        """The op that writes, as a function: an op that takes long holds up others.

        Ops by themselves go to a host of another process one after the other, those of
        training among them; functions do not.
        """
        # Not `self`, which would keep the trackers for longer than the engine.
        write = functools.partial(
            self._ops.shardline_write_shard,
            **self._inputs,
            first_rows=[tracked.first_row for tracked in self._shards],
        )
        device = self._device

        def on_device(path: tf.Tensor) -> tf.Tensor:
            with tf.device(device):
                return write(path=path)

        # Traced here, as TensorFlow warns of functions that many hosts call once.
        return tf.function(on_device, autograph=False).get_concrete_function(
            tf.TensorSpec([], tf.string)
        )

    def _by_table(self, counts: tf.Tensor) -> dict[str, int]:
        names = [tracked.table for tracked in self._shards]
        return dict(zip(names, counts.numpy().tolist(), strict=True))

    def _piece(self, table: int, tensor: int, *numbers: int) -> Piece:
        tracked = self._shards[table]
        names = [PARAMETERS, *tracked.slots]
        name = ROWS if tensor == _ROWS_NUMBER else names[tensor]
        return Piece(tracked.table, name, *numbers)


def _new_name() -> str:
    """Returns a name that no other process of a cluster has given either."""
    return f"shardline/row_tracker/{os.urandom(8).hex()}_{next(_numbers)}"


@contextlib.contextmanager
def _eagerly_on(device: str) -> Iterator[None]:
    with tf.init_scope(), tf.device(device):
        yield


def _destroy(device: str, handles: Sequence[tf.Tensor]) -> None:
    # A host that is gone has no trackers left.
    with contextlib.suppress(tf.errors.OpError), eager_mode(), tf.device(device):
        for handle in handles:
            tf.raw_ops.DestroyResourceOp(resource=handle, ignore_lookup_error=True)
