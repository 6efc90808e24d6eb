"""Where a matrix differs from what is expected, and by how much."""

import dataclasses

import numpy as np

from shardline.embedding.conformance.bounds import Bound

_SMALLEST = np.int64(-(2**31))


@dataclasses.dataclass(frozen=True)
class Difference:
    """The value of a matrix that lies farthest outside of its bound.

    Attributes:
        table: the table's name.
        step: the step it was seen in or after, from 1.
        what: "activations of left", "parameters", or a slot.
        row: of the table; of activations, the place.
        column: of the row.
        expected: the golden value.
        got: the engine's.
        allowed: how far it may be off.
        ulps: how many float32 values lie between both, and one more; None if the
            engine's is no number.
        differing: how many values of the matrix lie outside of their bound.
        values: how many it has.
    """

    table: str
    step: int
    what: str
    row: int
    column: int
    expected: float
    got: float
    allowed: float
    ulps: int | None
    differing: int
    values: int

    def __str__(self) -> str:
        """Returns it as one sentence."""
        place = "place" if self.what.startswith("activations") else "row"
        return (
            f"step {self.step}, {self.what}, {place} {self.row}, column {self.column}: "
            f"expected {self.expected:.9g}, got {self.got:.9g}{self._distance()}; "
            f"{self.differing} of {self.values} values are off"
        )

    def _distance(self) -> str:
        if self.ulps is None:
            return ""
        distance = abs(self.got - self.expected)
        allowed = f"{self.allowed:.1e} allowed" if self.allowed else "no bit may differ"
        return f" ({distance:.1e} or {self.ulps:,} ulp off, {allowed})"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a matrix, or all matrices of a case, compare.

    Attributes:
        share: the largest distance as a share of what is allowed; infinite where none
            is allowed, or a value is no number.
        difference: the worst value, if one lies outside of its bound.
    """

    share: float = 0.0
    difference: Difference | None = None

    def and_then(self, later: "Outcome") -> "Outcome":
        """Returns both, with the first difference: later ones may follow from it."""
        return Outcome(
            max(self.share, later.share), self.difference or later.difference
        )


def compared(
    expected: np.ndarray,
    got: np.ndarray,
    bound: Bound,
    *,
    table: str,
    step: int,
    what: str,
    exact_rows: np.ndarray | None = None,
) -> Outcome:
    """Compares two matrices.

    Args:
        expected: float32 [rows, dim], finite.
        got: the same of the engine; of another shape it may not be.
        bound: of every value.
        table: name of the table, for the difference.
        step: from 1, for the difference.
        what: what the matrix is, for the difference.
        exact_rows: bool [rows] of those in which no bit may differ; None for none.

    Raises:
        ValueError: if the shapes differ.
    """
    if expected.shape != got.shape:
        raise ValueError(
            f"step {step}, {what}: expected the shape {list(expected.shape)}, got "
            f"{list(got.shape)}."
        )
    allowed = bound.around(expected)
    if exact_rows is not None:
        allowed[exact_rows] = 0.0
    distance = np.abs(got.astype(np.float64) - expected.astype(np.float64))
    # Also where one of them is no number, and where 0 is allowed and -0 came.
    is_off = ~(distance <= allowed)
    share = np.where(is_off & (allowed == 0), np.inf, 0.0)
    np.divide(distance, allowed, out=share, where=allowed > 0)
    share[~np.isfinite(distance)] = np.inf
    worst = float(share.max(initial=0.0))
    if not is_off.any():
        return Outcome(worst)
    ulps = ulps_between(expected, got)
    # Of values that are all infinitely far off, the one with most ulps.
    order = np.lexsort([ulps.ravel(), share.ravel(), is_off.ravel()])
    row, column = (int(at) for at in np.unravel_index(order[-1], expected.shape))
    return Outcome(
        worst,
        Difference(
            table=table,
            step=step,
            what=what,
            row=row,
            column=column,
            expected=float(expected[row, column]),
            got=float(got[row, column]),
            allowed=float(allowed[row, column]),
            ulps=int(ulps[row, column]) if np.isfinite(got[row, column]) else None,
            differing=int(is_off.sum()),
            values=expected.size,
        ),
    )


def ulps_between(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns how many steps of float32 lie between values: int64, in their shape."""
    steps: np.ndarray = np.abs(_steps(left) - _steps(right))
    return steps


def _steps(values: np.ndarray) -> np.ndarray:
    """Returns float32 as whole numbers of the same order, in steps of one ulp."""
    bits = np.ascontiguousarray(values, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, _SMALLEST - bits, bits)
