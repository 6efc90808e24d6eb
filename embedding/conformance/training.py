"""Trains cases side by side in one engine, and compares each step with its vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.conformance import bounds, configuration, tensors
from shardline.embedding.conformance.cases import SIDES, Case
from shardline.embedding.conformance.comparison import Outcome, compared
from shardline.embedding.conformance.placement import Placement, StepFunction
from shardline.embedding.conformance.time_limit import TimeLimit

# By table, then "parameters" or the slot's name: float32 [rows, dim].
State = dict[str, dict[str, np.ndarray]]
# By case and side: float32 [places, dim].
Activations = dict[str, dict[str, np.ndarray]]


class Trial:
    """An engine with the tables of some cases, and the steps done.

    Attributes:
        config: the engine's feature configuration, by case and side.
        engine: built.
        outcomes: by case, of all steps so far.
    """

    def __init__(
        self,
        placement: Placement,
        cases: Sequence[Case],
        limit: TimeLimit,
        *,
        pipelined: bool = False,
        on_tpu: bool | None = None,
    ):
        """Builds the engine.

        Args:
            placement: where.
            cases: with names of their own.
            limit: of each call.
            pipelined: whether lookups run one step ahead of updates.
            on_tpu: whether a TPU's bounds hold, as for what was trained on one before;
                None for those of the placement.

        Raises:
            NoAnswerError: if that takes too long.
        """
        self.outcomes = {case.name: Outcome() for case in cases}
        self._placement, self._cases, self._limit = placement, list(cases), limit
        self._on_tpu = placement.is_tpu if on_tpu is None else on_tpu
        self._number = configuration.StepNumber()
        self.config = configuration.feature_config(cases, self._number)
        self._functions: dict[bool, Any] = {}
        self.engine = self.call("making the engine", self._made, pipelined)

    def call(self, what: str, function: Any, *arguments: Any) -> Any:
        """Calls what uses the hosts, within the limit.

        Raises:
            NoAnswerError: if it does not return in time.
        """
        return self._limit.call(what, self._placement.run, function, *arguments)

    def train(self, step: int) -> list[Activations]:
        """Does a step and compares what it gives with what is expected.

        Args:
            step: from 0.

        Returns:
            The activations of each core.

        Raises:
            NoAnswerError: if that takes too long.
        """
        cores = self.activations(step)
        for case in self._cases:
            expected = case.steps[step]
            bound = bounds.of_activations(case, step, on_tpu=self._on_tpu)
            for found in cores:
                for side in SIDES:
                    outcome = compared(
                        expected.activations[side],
                        found[case.name][side],
                        bound,
                        table=case.name,
                        step=step + 1,
                        what=f"activations of {side}",
                    )
                    self._add(case, outcome)
        if any(case.steps[step].state for case in self._cases):
            self.compare_state(step)
        return cores

    def activations(self, step: int) -> list[Activations]:
        """Does a step; returns the activations of each core.

        Args:
            step: from 0.
        """
        training = self._cases[0].steps[step].training
        arguments = tensors.arguments_of(self._cases, step)
        if training not in self._functions:
            self._functions[training] = self.call(
                f"tracing step {step + 1}", self._traced, training, arguments
            )
        found = self.call(f"step {step + 1}", self._functions[training], *arguments)
        return [
            {
                case.name: {
                    side: core[case.name][side].numpy().reshape(-1, case.start.shape[1])
                    for side in SIDES
                }
                for case in self._cases
            }
            for core in found
        ]

    def compare_state(self, step: int) -> None:
        """Compares tables and slots with what is expected after a step.

        Args:
            step: from 0.
        """
        state = self.state()
        for case in self._cases:
            for slot, expected in case.steps[step].state.items():
                outcome = compared(
                    expected,
                    state[case.name][slot],
                    bounds.of_state(case, slot, on_tpu=self._on_tpu),
                    table=case.name,
                    step=step + 1,
                    what=slot,
                    exact_rows=_left_alone(case, step, slot),
                )
                self._add(case, outcome)

    def state(self) -> State:
        """Returns whole tables and slots."""
        return self.call("reading the tables", self._state)  # type: ignore[no-any-return]

    def _made(self, pipelined: bool) -> Any:
        engine = self._placement.engine(
            self.config,
            pipelined=pipelined,
            policies=configuration.policies(self._cases),
        )
        ids, *_ = tensors.arguments_of(self._cases, 0)
        engine.build(tf.nest.map_structure(lambda x: tensors.spec_of(x).shape, ids))
        return engine

    def _traced(self, training: bool, arguments: tuple[Any, ...]) -> Any:
        step: StepFunction = self._placement.step(
            self.engine, self._number, training=training
        )
        # Without AutoGraph: there is no Python to convert, and a search takes long.
        function = tf.function(step, autograph=False).get_concrete_function(
            *tf.nest.map_structure(tensors.spec_of, arguments)
        )
        self._placement.check(function.graph)
        return function

    def _state(self) -> State:
        self.engine._retrieve_variables()
        return {
            table: {
                slot: np.concatenate([shard.numpy() for shard in sharded.variables])
                for slot, sharded in slots.items()
            }
            for table, slots in self.engine._variables.items()
        }

    def _add(self, case: Case, outcome: Outcome) -> None:
        self.outcomes[case.name] = self.outcomes[case.name].and_then(outcome)


def _left_alone(case: Case, step: int, slot: str) -> np.ndarray:
    """Returns which rows must have all their bits after a step: bool [rows].

    Those that nobody has looked up, unless they change all the same: a policy moves
    ids to the last row, and weights may decay in all rows.
    """
    expected = case.steps[step].state[slot]
    alone = np.ones(len(expected), bool)
    alone[[row for row in case.rows_looked_up(step) if 0 <= row < len(alone)]] = False
    # All rows of a slot start with the same value.
    before = case.start if slot == "parameters" else expected[alone.argmax()]
    return np.asarray(alone & (expected == before).all(axis=1))
