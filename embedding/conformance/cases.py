"""What is checked: cases with their batches, and what is expected of each step.

A case is one table that two features look up, "left" and "right". A group holds the
cases about one thing; they are trained side by side, in one engine.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

Ids = tuple[tuple[int | None, ...], ...]
Weights = tuple[tuple[float, ...], ...]
Matrices = Mapping[str, np.ndarray]

SIDES = ("left", "right")


@dataclasses.dataclass(frozen=True)
class Batch:
    """What one feature holds in one step.

    Attributes:
        ids: of each example; None is an empty column of a sparse row.
        weights: of each id, or None.
        gradient: of the activations, float32 [places, dim].
    """

    ids: Ids
    weights: Weights | None
    gradient: np.ndarray


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a case, and what is expected of it.

    Attributes:
        batches: by side.
        training: whether gradients follow.
        is_refused: whether the engine must answer with an error and change nothing.
        activations: float32 [places, dim] by side; empty if it is refused.
        state: float32 [rows, dim] of "parameters" and of each slot after the step;
            empty if it is not to be read then.
    """

    batches: Mapping[str, Batch]
    training: bool
    is_refused: bool
    activations: Matrices
    state: Matrices


@dataclasses.dataclass(frozen=True)
class Case:
    """One table with its two features, and how it is trained.

    Attributes:
        name: unique in its group; also the table's name.
        kind: "dense", "dense3", "sparse", "sparse3" or "ragged"; those with a 3 have
            rank 3.
        combiner: "sum", "mean" or "sqrtn".
        id_type: "int64" or "int32".
        max_sequence_length: of both features, 0 for none.
        output_shape: of both features, or None.
        optimizer: name of its class in `tf.tpu.experimental.embedding`.
        options: of the optimizer; a learning rate that is a list has one for each step.
        policy: what the table does with what it cannot use.
        quantization: (num_buckets, lower, upper), or None.
        start: float32 [rows, dim].
        steps: in order.
    """

    name: str
    kind: str
    combiner: str
    id_type: str
    max_sequence_length: int
    output_shape: tuple[int, ...] | None
    optimizer: str
    options: Mapping[str, Any]
    policy: str
    quantization: tuple[int, float, float] | None
    start: np.ndarray
    steps: tuple[Step, ...]

    @property
    def examples(self) -> int:
        """Examples in a batch."""
        return len(self.steps[0].batches["left"].ids)

    @property
    def divides_by_zero(self) -> bool:
        """Whether an example with ids has weights that the combiner cannot divide by.

        Its activations are zero here; a TPU leaves them open.
        """
        return self.combiner != "sum" and any(
            row and not any(row)
            for step in self.steps
            for batch in step.batches.values()
            for row in batch.weights or ()
        )

    @property
    def is_refused(self) -> bool:
        """Whether the engine must refuse its last step."""
        return self.steps[-1].is_refused

    @property
    def learning_rates(self) -> list[float]:
        """The learning rate of each step, or of all of them."""
        rate = self.options["learning_rate"]
        return list(rate) if isinstance(rate, list) else [rate]

    def rows_looked_up(self, step: int) -> set[int]:
        """Returns the rows that a table's features look up until after a step.

        Args:
            step: from 0.
        """
        return {
            row
            for before in self.steps[: step + 1]
            for batch in before.batches.values()
            for ids in batch.ids
            for row in ids
            if row is not None
        }


@dataclasses.dataclass(frozen=True)
class Group:
    """Cases about one thing.

    Attributes:
        name: what `--only` takes.
        about: one sentence.
        pipelined: whether the engine's lookups run one step ahead of its updates.
        cases: with names of their own.
    """

    name: str
    about: str
    pipelined: bool
    cases: tuple[Case, ...]
