"""Numpy reference of lookup, gradient and update, in float64 and row by row.

Written from the contract alone: it shares no code and no idea of layout with the
engine, knows nothing of hosts, and prefers plain loops to speed. Examples are lists:
`ids[b]` holds the ids of example b, `weights[b]` their weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

Ids = Sequence[Sequence[int]]
Weights = Sequence[Sequence[float]]


def coefficients(weights: Sequence[float], combiner: str) -> np.ndarray:
    """Returns what each id of one example is multiplied with, float64 [ids]."""
    weights = np.asarray(weights, np.float64)
    if combiner == "sum":
        return weights
    norm = weights.sum() if combiner == "mean" else np.sqrt((weights**2).sum())
    return np.zeros_like(weights) if norm == 0 else weights / norm


@dataclass(frozen=True)
class Lookup:
    """One feature of one batch: its ids, their weights and how they are combined."""

    ids: Ids
    combiner: str = "mean"
    weights: Weights | None = None
    max_sequence_length: int = 0

    def terms(self) -> list[tuple[tuple[int, ...], int, float]]:
        """Returns (position in the activations, row, coefficient) of each id."""
        if self.max_sequence_length:
            return [
                ((example, place), row, 1.0)
                for example, ids in enumerate(self.ids)
                for place, row in enumerate(ids[: self.max_sequence_length])
            ]
        found = []
        for example, ids in enumerate(self.ids):
            weights = (
                [1.0] * len(ids) if self.weights is None else self.weights[example]
            )
            scale = coefficients(weights, self.combiner)
            found += [((example,), row, c) for row, c in zip(ids, scale, strict=True)]
        return found

    def activations(self, table: np.ndarray) -> np.ndarray:
        """Returns float64 [batch, dim], or [batch, length, dim] of a sequence."""
        length = (self.max_sequence_length,) if self.max_sequence_length else ()
        result = np.zeros((len(self.ids), *length, table.shape[1]))
        for position, row, coefficient in self.terms():
            result[position] += coefficient * table[row]
        return result


def row_gradients(
    lookups: Sequence[tuple[Lookup, np.ndarray | None]], shape: tuple[int, int]
) -> dict[int, np.ndarray]:
    """Sums the gradients of activations over every occurrence of a row.

    Args:
      lookups: the features of one table, each with the gradient of its activations;
        None is a gradient of zero.
      shape: (rows, dim) of the table.

    Returns:
      Gradient, float64 [dim], of every row that has an id in one of the lookups.
    """
    sums: dict[int, np.ndarray] = {}
    for lookup, gradient in lookups:
        for position, row, coefficient in lookup.terms():
            total = sums.setdefault(row, np.zeros(shape[1]))
            if gradient is not None:
                total += coefficient * gradient[position].astype(np.float64)
    return sums


@dataclass(frozen=True)
class SGD:
    """w -= lr g."""

    learning_rate: float

    def slots(self, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Returns the slots of a new table."""
        return {}

    def update(self, w: np.ndarray, slots: dict[str, np.ndarray], row: int, g) -> None:
        """Updates one row in place."""
        w[row] -= self.learning_rate * g


@dataclass(frozen=True)
class Adagrad:
    """a += g^2; w -= lr g / sqrt(a)."""

    learning_rate: float
    initial_accumulator_value: float = 0.1

    def slots(self, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Returns the slots of a new table."""
        return {"accumulators": np.full(shape, self.initial_accumulator_value)}

    def update(self, w: np.ndarray, slots: dict[str, np.ndarray], row: int, g) -> None:
        """Updates one row in place."""
        slots["accumulators"][row] += g**2
        w[row] -= self.learning_rate * g / np.sqrt(slots["accumulators"][row])


@dataclass(frozen=True)
class Adam:
    """Lazy, without bias correction; epsilon inside or outside of the root."""

    learning_rate: float
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    sum_inside_sqrt: bool = True

    def slots(self, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Returns the slots of a new table."""
        return {"momenta": np.zeros(shape), "velocities": np.zeros(shape)}

    def update(self, w: np.ndarray, slots: dict[str, np.ndarray], row: int, g) -> None:
        """Updates one row in place."""
        m, v = slots["momenta"], slots["velocities"]
        m[row] = self.beta_1 * m[row] + (1 - self.beta_1) * g
        v[row] = self.beta_2 * v[row] + (1 - self.beta_2) * g**2
        if self.sum_inside_sqrt:
            root = np.sqrt(v[row] + self.epsilon**2)
        else:
            root = np.sqrt(v[row]) + self.epsilon
        w[row] -= self.learning_rate * m[row] / root


@dataclass
class Table:
    """One table with its slots, trained a batch at a time."""

    values: np.ndarray
    optimizer: SGD | Adagrad | Adam
    slots: dict[str, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.values = np.array(self.values, np.float64)
        self.slots = self.optimizer.slots(self.values.shape)

    def step(
        self, lookups: Sequence[tuple[Lookup, np.ndarray | None]]
    ) -> list[np.ndarray]:
        """Looks up, then updates every touched row once; returns the activations."""
        activations = [lookup.activations(self.values) for lookup, _ in lookups]
        for row, g in row_gradients(lookups, self.values.shape).items():
            self.optimizer.update(self.values, self.slots, row, g)
        return activations
