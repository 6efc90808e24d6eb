"""How a set holds rows: as float32, or rounded, in an archive.

| rows | parameters of a table | error of a value |
|---|---|---|
| float32 | float32 [n, dim] | none |
| float16 | float16 [n, dim] | 2^-11 of it |
| int8 | int8 [n, dim], and their scales: float32 [n] | scale / 2 |

An int8 row is its whole numbers times its scale. Slots are float32 always, for
optimizers do not bear the rounding: the small sums of squares of a seldom row would
become 0.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.sets.cut import PARAMETERS, ROWS
from shardline.embedding.checkpoint.sets.manifest import Rows
from shardline.embedding.serving.tables import encoded

SCALE = "parameters.scale"


class RoundingError(ValueError):
    """Rows that cannot be rounded as it was asked for."""


def row_spec(tensor: str, dim: int, rows: Rows) -> tuple[tf.DType, list[int]]:
    """Returns how a set holds a row of a tensor: dtype and shape.

    Args:
        tensor: "parameters", the name of a slot, "rows" or "parameters.scale".
        dim: values in a row of the table.
        rows: how the set holds rows.
    """
    if tensor == ROWS:
        return tf.int64, []
    if tensor == SCALE:
        return tf.float32, []
    return tf.as_dtype(rows if tensor == PARAMETERS else "float32"), [dim]


def rounded(
    tensors: Mapping[str, np.ndarray], rows: Rows, table: str, first: int
) -> dict[str, np.ndarray]:
    """Returns what a set stores of rows.

    Args:
        tensors: float32 [n, dim] of "parameters" and each slot.
        rows: how the set holds rows.
        table: the table's name, for messages.
        first: the first row, for messages.

    Raises:
        RoundingError: if a value is too large for it, or no finite number.
    """
    if rows == "float32":
        return dict(tensors)
    parameters = tensors[PARAMETERS]
    largest = np.finfo("float16" if rows == "float16" else "float32").max
    # No number is not below.
    bad = np.flatnonzero(~(np.abs(parameters) <= largest).all(axis=1))
    if bad.size:
        raise RoundingError(
            f"Table '{table}': row {first + bad[0]} holds a value that is not finite, "
            f"or larger than {largest:g}, which {rows} cannot hold. Export the rows "
            "as float32."
        )
    parts = encoded(rows, parameters)
    held = {**tensors, PARAMETERS: parts["rows"]}
    return held | ({SCALE: parts["scales"]} if rows == "int8" else {})
