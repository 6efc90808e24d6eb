"""The tables of a served model: rows at one of three precisions, in stock variables.

| precision | held for a row | error of a value |
|---|---|---|
| float32 | the values | none |
| float16 | the values, rounded | 2^-11 of it |
| int8 | whole numbers q in [-127, 127] and a scale | scale / 2 |

The scale of an int8 row is its largest absolute value / 127, its values are q * scale.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np
import tensorflow as tf

Precision: TypeAlias = Literal["float32", "float16", "int8"]

Take: TypeAlias = Callable[[tf.Tensor], tf.Tensor]

_LEVELS = 127


class ServingTable(tf.Module):  # type: ignore[misc]
    """One table. It has no rows until a checkpoint that holds them is read.

    Attributes:
        precision: how rows are held.
        starts: the first row of each host's range when the table was trained: partial
            sums are taken as the hosts took them.
        parts: variables by name: `rows` [rows, dim], and for int8 `scales` [rows].
    """

    def __init__(
        self, dim: int, starts: Sequence[int], precision: Precision = "float32"
    ):
        """Makes variables without rows, of which any number may be read.

        Args:
            dim: length of a row.
            starts: the first row of each host's range.
            precision: how rows are held.
        """
        super().__init__()
        self.precision = precision
        self.starts = tuple(starts)
        self.parts = {
            name: tf.Variable(
                tf.zeros([0, *shape], dtype), shape=[None, *shape], trainable=False
            )
            for name, (shape, dtype) in part_specs(precision, dim).items()
        }

    def scaled_rows(self, take: Take) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns rows whose values are still to be multiplied by a scale.

        Args:
            take: returns the rows that are wanted of a part.

        Returns:
            float32 [n, dim]; and the scales, float32 [n], or None.
        """
        # Never by a gather of the variable itself: TensorFlow would copy all of it
        # whenever it is read thereafter.
        rows = take(self.parts["rows"].read_value())
        if self.precision != "float32":
            rows = tf.cast(rows, tf.float32)
        if self.precision != "int8":
            return rows, None
        return rows, take(self.parts["scales"].read_value())


def part_specs(precision: Precision, dim: int) -> dict[str, tuple[list[int], tf.DType]]:
    """Returns by name what a row has in each part: (shape, dtype)."""
    rows = {"rows": ([dim], tf.as_dtype(precision))}
    return rows | ({"scales": ([], tf.float32)} if precision == "int8" else {})


def encoded(precision: Precision, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the parts that hold rows.

    Args:
        precision: how they are held.
        rows: float32 [n, dim], finite and in the range of the precision.
    """
    if precision != "int8":
        return {"rows": rows.astype(precision)}
    scales = np.abs(rows).max(axis=1) / np.float32(_LEVELS)
    divisors = np.where(scales > 0, scales, np.float32(1))[:, None]
    # Scales too small for a float's full precision may be too small for their row.
    levels = np.clip(np.rint(rows / divisors), -_LEVELS, _LEVELS)
    return {"rows": levels.astype(np.int8), "scales": scales}


def decoded(precision: Precision, parts: dict[str, np.ndarray]) -> np.ndarray:
    """Returns the rows that parts hold: float32 [n, dim], as lookups see them."""
    rows = parts["rows"].astype(np.float32)
    return rows * parts["scales"][:, None] if precision == "int8" else rows
