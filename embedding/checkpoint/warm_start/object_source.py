"""Tables in a `tf.train.Checkpoint`, written on any number of hosts."""

import functools
from collections.abc import Collection, Iterator, Mapping

import tensorflow as tf

from shardline.embedding.checkpoint.compatibility import HeldVariable, engines_held
from shardline.embedding.checkpoint.index import stored_rows
from shardline.embedding.checkpoint.pieces import parts_to_read, read_part
from shardline.embedding.checkpoint.sets.cut import PARAMETERS
from shardline.embedding.checkpoint.warm_start.errors import WarmStartError
from shardline.embedding.checkpoint.warm_start.source import SourceBlock, SourceTable


class ObjectSource:
    """Implements `embedding.checkpoint.warm_start.source.Source`."""

    def __init__(self, prefix: str, wanted: Collection[str]):
        """Finds the engine in the checkpoint.

        Args:
            prefix: the checkpoint's path, without ".index".
            wanted: names of tables. Of several engines, the one that has most of them.

        Raises:
            WarmStartError: if no object has a table of such a name.
            tf.errors.OpError: if there is no checkpoint.
        """
        self.name = prefix
        engines = engines_held(prefix, wanted)
        if not engines:
            raise WarmStartError(
                f"Checkpoint {prefix} has none of the tables {', '.join(wanted)}. "
                "Begin with a checkpoint of a feature set with tables of these names, "
                "or without one."
            )
        # Another object may have a variable of a table's name, such as a step.
        self._held = max(engines, key=lambda held: len(_tables(held)))
        self.tables = _tables(self._held)

    def blocks(self, table: str, tensor: str) -> Iterator[SourceBlock]:
        """Yields the rows of a tensor as they are stored, as `Source.blocks`."""
        name = table if tensor == PARAMETERS else f"{table}/{tensor}"
        key, shape = self._held[name]
        for piece in stored_rows(self.name, key):
            parts = parts_to_read(piece, piece.first, piece.last, shape[1])
            for first, last in parts:
                read = functools.partial(
                    read_part, self.name, key, shape, piece, first, last
                )
                is_whole = len(parts) == 1 and piece.dtype == tf.float32
                yield SourceBlock(range(first, last), read, piece if is_whole else None)


def _tables(held: Mapping[str, HeldVariable]) -> dict[str, SourceTable]:
    """Returns the tables among variables that are named as an engine names them."""
    slots: dict[str, list[str]] = {}
    for name in held:
        table, _, slot = name.rpartition("/")
        if table in held:
            slots.setdefault(table, []).append(slot)
    of_tables = {f"{table}/{slot}" for table, own in slots.items() for slot in own}
    return {
        name: SourceTable(
            variable.shape[0], variable.shape[1], tuple(slots.get(name, ()))
        )
        for name, variable in held.items()
        if name not in of_tables and len(variable.shape) == 2
    }
