"""TensorFlow's own classes: what they read, what they save, what they look up."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.conformance import configuration, tensors
from shardline.embedding.conformance.cases import SIDES, Case
from shardline.embedding.conformance.training import Activations, State
from shardline.embedding.serving.lookup import serving_embedding_lookup
from shardline.embedding.serving.tables import ServingTable
from shardline.embedding.tables import partition

_tpu = tf.tpu.experimental.embedding


class StockTables:
    """Tables in TensorFlow's `TPUEmbedding`, off the TPU, read from a checkpoint."""

    def __init__(self, cases: Sequence[Case], prefix: str):
        """Reads a checkpoint that the engine wrote.

        Args:
            cases: whose tables are in it.
            prefix: of the checkpoint.

        Raises:
            AssertionError: if TensorFlow finds less or more in it than it wants.
        """
        self._cases = cases
        self._config = configuration.feature_config(cases, configuration.StepNumber())
        self._tables = _tpu.TPUEmbedding(self._config, optimizer=None)
        self._tables.build()
        self._checkpoint = tf.train.Checkpoint(embedding=self._tables)
        self._checkpoint.read(prefix).assert_consumed()

    def state(self) -> State:
        """Returns tables and slots as TensorFlow has them."""
        # No public name gives the slots.
        return {
            table: {slot: variable.numpy() for slot, variable in slots.items()}
            for table, slots in self._tables._variables.items()
        }

    def write(self, prefix: str) -> str:
        """Writes the tables as TensorFlow does; returns the checkpoint's prefix."""
        written: str = self._checkpoint.write(prefix)
        return written

    def activations(self, step: int) -> Activations:
        """Looks a step's batch up by TensorFlow's serving lookup; by case and side.

        Args:
            step: from 0.
        """
        return _looked_up(
            _tpu.serving_embedding_lookup,
            self._cases,
            step,
            self._tables.embedding_tables,
            self._config,
        )


def served_activations(
    cases: Sequence[Case], step: int, state: State, hosts: int
) -> Activations:
    """Looks a step's batch up by this project's serving lookup; by case and side.

    Args:
        cases: what is looked up.
        step: from 0.
        state: the tables.
        hosts: over how many they were trained; their sums are added up as there.
    """
    config = configuration.feature_config(cases, configuration.StepNumber())
    tables = {}
    for case in cases:
        rows, dim = case.start.shape
        table = ServingTable(dim, partition.first_rows(rows, min(hosts, rows)))
        table.parts["rows"].assign(state[case.name]["parameters"])
        tables[config[case.name]["left"].table] = table
    return _looked_up(serving_embedding_lookup, cases, step, tables, config)


def _looked_up(
    lookup: Any, cases: Sequence[Case], step: int, tables: Any, config: Any
) -> Activations:
    ids, weights, *_ = tensors.arguments_of(cases, step)
    found = lookup(ids, weights, tables, config)
    return {
        case.name: {
            side: found[case.name][side].numpy().reshape(-1, case.start.shape[1])
            for side in SIDES
        }
        for case in cases
    }
