"""What a warm start reads: tables and slots of a checkpoint of any kind."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.index import StoredRows


@dataclasses.dataclass(frozen=True)
class SourceTable:
    """A table in a checkpoint.

    Attributes:
        rows: how many it has.
        dim: values in a row.
        slots: names of the optimizer's slots.
    """

    rows: int
    dim: int
    slots: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class SourceBlock:
    """Some rows of a tensor, which are read at once.

    Attributes:
        rows: which: a range, or int64 [n], ascending.
        read: reads them on the current device: float32 [n, dim].
        piece: where they lie as float32, if they are all rows of one piece; else None.
    """

    rows: range | np.ndarray
    read: Callable[[], tf.Tensor]
    piece: StoredRows | None = None


class Source(Protocol):
    """A checkpoint.

    Attributes:
        name: what people call it: its path.
    """

    name: str

    @property
    def tables(self) -> Mapping[str, SourceTable]:
        """All tables that it holds, by name."""

    def blocks(self, table: str, tensor: str) -> Iterator[SourceBlock]:
        """Yields all rows of a tensor, a bounded part at a time.

        A row may come again with a newer value.

        Args:
            table: the table's name.
            tensor: "parameters" or the name of a slot.
        """
