"""Numpy reference of lookup, gradient and update, in float64 and row by row.

Written from the contract alone: it shares no code and no idea of layout with the
engine, knows nothing of hosts, takes several replicas for one longer list of lookups,
and prefers plain loops to speed. Examples are lists: `ids[b]` holds the ids of example
b, `weights[b]` their weights; an id of None is an empty column of a sparse row. Options
carry the names they have in TensorFlow's configuration classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field

import numpy as np

# Position in the activations, row of the table, coefficient.
Term = tuple[tuple[int, ...], int, float]
Slots = dict[str, np.ndarray]


class Refused(ValueError):
    """The engine must answer this step with an error and change nothing."""


def coefficients(weights: Sequence[float], combiner: str) -> np.ndarray:
    """Returns what each id of one example is multiplied with, float64 [ids]."""
    weights = np.asarray(weights, np.float64)
    if combiner == "sum":
        return weights
    norm = weights.sum() if combiner == "mean" else np.sqrt((weights**2).sum())
    return np.zeros_like(weights) if norm == 0 else weights / norm


@dataclass(frozen=True)
class Policy:
    """What becomes of values that a table of `rows` rows cannot use.

    `word` is "error" (the step is refused), "drop" (the occurrence is left out) or
    "oov_row" (an invalid id becomes the last row, the rest is as with "drop").
    """

    rows: int | None = None
    word: str = "error"

    def row(self, row: int | None) -> int | None:
        """Returns the row to look up, None if the occurrence is left out."""
        if row is None or self.rows is None or 0 <= row < self.rows:
            return row
        self._refuse_under_error(f"id {row}")
        return self.rows - 1 if self.word == "oov_row" else None

    def takes(self, weight: float, combiner: str) -> bool:
        """Returns whether an occurrence with this weight counts."""
        if np.isfinite(weight) and (weight >= 0 or combiner == "sum"):
            return True
        self._refuse_under_error(f"weight {weight}")
        return False

    def rows_left_alone(self, sums: dict[int, np.ndarray]) -> set[int]:
        """Returns the rows whose gradient is unusable."""
        found = {row for row, total in sums.items() if not np.isfinite(total).all()}
        if found:
            self._refuse_under_error(f"gradient of rows {sorted(found)}")
        return found

    def _refuse_under_error(self, what: str) -> None:
        if self.word == "error":
            raise Refused(what)


@dataclass(frozen=True)
class Lookup:
    """One feature of one batch: its ids, their weights and how they are combined.

    With an `output_shape` of as many places as there are examples, activations are
    pooled and reshaped: that is also how ids of rank 3, [b0, b1, n], read, the examples
    in row-major order. With k times as many places, each example is a sequence of k
    ids, without weights and combiner. Either way `max_sequence_length` is ignored.
    """

    ids: Sequence[Sequence[int | None]]
    combiner: str = "mean"
    weights: Sequence[Sequence[float]] | None = None
    max_sequence_length: int = 0
    output_shape: tuple[int, ...] | None = None

    @property
    def length(self) -> int:
        """Positions of a sequence, 0 of a pooled feature."""
        if self.output_shape is None:
            return self.max_sequence_length
        places = int(np.prod(self.output_shape))
        if places % len(self.ids):
            raise Refused(f"{len(self.ids)} examples do not divide {places} places")
        return 0 if places == len(self.ids) else places // len(self.ids)

    @property
    def places(self) -> tuple[int, ...]:
        """Shape of the activations without dim, before `output_shape`."""
        return (len(self.ids), self.length) if self.length else (len(self.ids),)

    def terms(self, policy: Policy = Policy()) -> Iterator[Term]:
        """Gives each occurrence that counts, in input order."""
        for example, ids in enumerate(self.ids):
            rows = [policy.row(row) for row in ids]
            if self.length:
                for place, row in enumerate(rows[: self.length]):
                    if row is not None:
                        yield (example, place), row, 1.0
                continue
            weights = self.weights[example] if self.weights else [1.0] * len(ids)
            counted = [
                (row, weight)
                for row, weight in zip(rows, weights, strict=True)
                if row is not None and policy.takes(weight, self.combiner)
            ]
            scale = coefficients([weight for _, weight in counted], self.combiner)
            for (row, _), coefficient in zip(counted, scale, strict=True):
                yield (example,), row, coefficient

    def activations(self, table: np.ndarray, policy: Policy = Policy()) -> np.ndarray:
        """Returns float64 [batch, dim], [batch, length, dim], [*output_shape, dim]."""
        result = np.zeros((*self.places, table.shape[1]))
        for position, row, coefficient in self.terms(policy):
            result[position] += coefficient * table[row]
        shape = self.places if self.output_shape is None else self.output_shape
        return result.reshape(*shape, table.shape[1])


def occurrences(
    lookups: Sequence[tuple[Lookup, np.ndarray | None]],
    shape: tuple[int, int],
    word: str = "error",
) -> Iterator[tuple[int, np.ndarray]]:
    """Gives (row, its part of the gradient) of each occurrence, in order.

    `lookups` are the features of one table, of all replicas, each with the gradient of
    its activations, where None is zero; `shape` is (rows, dim) of the table.
    """
    for lookup, gradient in lookups:
        if gradient is None:
            gradient = np.zeros((*lookup.places, shape[1]))
        by_place = gradient.astype(np.float64).reshape(*lookup.places, shape[1])
        for position, row, coefficient in lookup.terms(Policy(shape[0], word)):
            yield row, coefficient * by_place[position]


def row_gradients(
    lookups: Sequence[tuple[Lookup, np.ndarray | None]],
    shape: tuple[int, int],
    word: str = "error",
) -> dict[int, np.ndarray]:
    """Sums `occurrences`: float64 [dim] of every row that has one."""
    sums: dict[int, np.ndarray] = {}
    for row, part in occurrences(lookups, shape, word):
        sums[row] = sums.get(row, 0.0) + part
    return sums


@dataclass(frozen=True)
class Quantization:
    """Rows as lookups see them: rounded to `num_buckets` values in [lower, upper]."""

    num_buckets: int
    lower: float
    upper: float

    def of(self, table: np.ndarray) -> np.ndarray:
        """Returns the table, each value rounded to the nearest, halves up."""
        width = (self.upper - self.lower) / (self.num_buckets - 1)
        inside = np.clip(table, self.lower, self.upper)
        return np.floor((inside - self.lower) / width + 0.5) * width + self.lower


@dataclass(frozen=True)
class Optimizer:
    """The options that all optimizers share, and the order in which they act.

    `learning_rate` is one number, or one for each step.
    """

    learning_rate: float | Sequence[float]
    _: KW_ONLY
    use_gradient_accumulation: bool = True
    clip_weight_min: float | None = None
    clip_weight_max: float | None = None
    clipvalue: float | tuple[float | None, float | None] | None = None
    weight_decay_factor: float | None = None
    multiply_weight_decay_factor_by_learning_rate: bool = False

    touches_all_rows = False

    def rate(self, step: int) -> float:
        """Returns the learning rate of a step, the first of which is 0."""
        rate = self.learning_rate
        return float(rate[step] if isinstance(rate, Sequence) else rate)

    def slots(self, shape: tuple[int, int]) -> Slots:
        """Returns the slots of a new table, in the optimizer's order."""
        return {}

    def rule(
        self, w: np.ndarray, slots: Slots, g: np.ndarray, rate: float
    ) -> tuple[np.ndarray, Slots]:
        """Returns a row and its slots after the optimizer's own formula."""
        raise NotImplementedError

    def updated(
        self, w: np.ndarray, slots: Slots, g: np.ndarray, rate: float
    ) -> tuple[np.ndarray, Slots]:
        """Returns a row and its slots after clip, decay, rule and clip."""
        value = self.clipvalue
        low, high = value if isinstance(value, tuple) else (value and -value, value)
        g = clipped(g, low, high)
        if self.weight_decay_factor is not None:
            scale = rate if self.multiply_weight_decay_factor_by_learning_rate else 1
            w = w - scale * self.weight_decay_factor * w
        w, slots = self.rule(w, slots, g, rate)
        return clipped(w, self.clip_weight_min, self.clip_weight_max), slots


def clipped(x: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    """Returns x inside [low, high], where None is no bound."""
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


@dataclass(frozen=True)
class SGD(Optimizer):
    """w -= lr g."""

    def rule(self, w, slots, g, rate):
        return w - rate * g, {}


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """a += g^2; w -= lr g / sqrt(a)."""

    initial_accumulator_value: float = 0.1

    def slots(self, shape):
        return {"accumulators": np.full(shape, self.initial_accumulator_value)}

    def rule(self, w, slots, g, rate):
        a = slots["accumulators"] + g**2
        return w - rate * g / np.sqrt(a), {"accumulators": a}


@dataclass(frozen=True)
class AdagradMomentum(Optimizer):
    """Adagrad with any root, whose scaled gradients s gather momentum.

    a += g^2, or a = b2 a + (1 - b2) g^2 if b2 != 1; s = g / (a + eps)^(1/exponent);
    m = momentum m + s; w -= lr m, or with Nesterov w -= lr (momentum m + s).
    """

    momentum: float = 0.0
    use_nesterov: bool = False
    exponent: float = 2.0
    beta2: float = 1.0
    epsilon: float = 1e-10

    def slots(self, shape):
        return {"accumulators": np.zeros(shape), "momenta": np.zeros(shape)}

    def rule(self, w, slots, g, rate):
        gain = 1.0 if self.beta2 == 1 else 1 - self.beta2
        a = self.beta2 * slots["accumulators"] + gain * g**2
        scaled = g / (a + self.epsilon) ** (1 / self.exponent)
        m = self.momentum * slots["momenta"] + scaled
        step = self.momentum * m + scaled if self.use_nesterov else m
        return w - rate * step, {"accumulators": a, "momenta": m}


@dataclass(frozen=True)
class Adam(Optimizer):
    """Without bias correction; epsilon inside or outside of the root."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    lazy_adam: bool = True
    sum_inside_sqrt: bool = True

    @property
    def touches_all_rows(self) -> bool:
        """Non-lazy: rows without an id get an update with a gradient of zero."""
        return not self.lazy_adam

    def slots(self, shape):
        return {"momenta": np.zeros(shape), "velocities": np.zeros(shape)}

    def rule(self, w, slots, g, rate):
        m = self.beta_1 * slots["momenta"] + (1 - self.beta_1) * g
        v = self.beta_2 * slots["velocities"] + (1 - self.beta_2) * g**2
        if self.sum_inside_sqrt:
            root = np.sqrt(v + self.epsilon**2)
        else:
            root = np.sqrt(v) + self.epsilon
        return w - rate * m / root, {"momenta": m, "velocities": v}


@dataclass(frozen=True)
class FTRL(Optimizer):
    """Follow the regularized leader; w comes from the slots alone.

    n' = n + g^2; p(n) = n^-power; z += g - (p(n') - p(n)) w / lr;
    w = (clip(z, -l1, l1) - z) / ((p(n') + beta) / lr + 2 l2). With
    `multiply_linear_by_learning_rate` the slot holds lr z instead of z.
    `allow_zero_accumulator` changes nothing: zero is always fine.
    """

    learning_rate_power: float = -0.5
    l1_regularization_strength: float = 0.0
    l2_regularization_strength: float = 0.0
    beta: float = 0.0
    initial_accumulator_value: float = 0.1
    multiply_linear_by_learning_rate: bool = False
    allow_zero_accumulator: bool = False

    def slots(self, shape):
        n = np.full(shape, self.initial_accumulator_value)
        return {"accumulators": n, "linears": np.zeros(shape)}

    def rule(self, w, slots, g, rate):
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength
        n = slots["accumulators"] + g**2
        old = slots["accumulators"] ** -self.learning_rate_power
        new = n**-self.learning_rate_power
        if self.multiply_linear_by_learning_rate:
            z = slots["linears"] + rate * g - (new - old) * w
            bound, divisor = rate * l1, new + 2 * rate * l2 + self.beta
        else:
            z = slots["linears"] + g - (new - old) / rate * w
            bound, divisor = l1, (new + self.beta) / rate + 2 * l2
        w = (np.clip(z, -bound, bound) - z) / divisor
        return w, {"accumulators": n, "linears": z}


@dataclass
class Table:
    """One table with its slots, trained a batch at a time.

    `pipelined` tables look up one step stale: step n sees the updates up to n - 2.
    """

    values: np.ndarray
    optimizer: Optimizer
    _: KW_ONLY
    policy: str = "error"
    quantization: Quantization | None = None
    pipelined: bool = False
    slots: Slots = field(init=False)
    steps: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.values = np.array(self.values, np.float64)
        self.slots = self.optimizer.slots(self.values.shape)
        self._before_last_step = self.values.copy()

    def look_up(self, lookup: Lookup) -> np.ndarray:
        """Returns the activations of one feature."""
        table = self._before_last_step if self.pipelined else self.values
        if self.quantization is not None:
            table = self.quantization.of(table)
        return lookup.activations(table, Policy(len(table), self.policy))

    @np.errstate(invalid="ignore")  # 0 * inf, of a policy's gradients.
    def step(
        self, lookups: Sequence[tuple[Lookup, np.ndarray | None]]
    ) -> list[np.ndarray]:
        """Looks up, then updates; returns the activations.

        A touched row is updated once, or without accumulation once an occurrence.
        """
        activations = [self.look_up(lookup) for lookup, _ in lookups]
        given = (lookups, self.values.shape, self.policy)
        sums = row_gradients(*given)
        left_alone = Policy(len(self.values), self.policy).rows_left_alone(sums)
        accumulate = self.optimizer.use_gradient_accumulation
        updates = list(sums.items() if accumulate else occurrences(*given))
        if self.optimizer.touches_all_rows:
            untouched = set(range(len(self.values))) - set(sums)
            updates += [(row, np.zeros_like(self.values[row])) for row in untouched]
        self._before_last_step = self.values.copy()
        for row, g in updates:
            if row not in left_alone:
                self._update(row, g)
        self.steps += 1
        return activations

    def _update(self, row: int, g: np.ndarray) -> None:
        slots = {name: slot[row] for name, slot in self.slots.items()}
        rate = self.optimizer.rate(self.steps)
        w, slots = self.optimizer.updated(self.values[row], slots, g, rate)
        self.values[row] = w
        for name, slot in slots.items():
            self.slots[name][row] = slot
