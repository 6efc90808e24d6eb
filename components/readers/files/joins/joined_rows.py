"""The rows of side files that examples are joined to, in words for messages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shardline.configs.shown import quoted, shown


@dataclass(frozen=True)
class JoinedRows:
    """The rows of side files that the examples of a batch are joined to.

    Attributes:
        join: the name of the join.
        keys: the key of each example, large binary; null where it has none.
        rows: the row of the side files, or -1: int64 [examples].
    """

    join: str
    keys: pa.Array
    rows: np.ndarray

    def told(self, example: int) -> str:
        """Returns what an example is joined to, in words."""
        key, join = self.keys[example].as_py(), shown(self.join)
        if key is None:
            return f"it has no key for `{join}`"
        if self.rows[example] < 0:
            return f"its key {quoted(key)} is not in `{join}`"
        return f"it comes from `{join}` by key {quoted(key)}"
