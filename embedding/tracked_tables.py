"""The tables as checkpoint dependencies of the engine that owns them.

A few private methods have the names that TensorFlow gives them, or its own class:
`_checkpoint_adapter` is called by TensorFlow, `_variables`, `_retrieve_variables` and
`_load_variables` by code that was written for its class.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from embedding.backend import Backend
from embedding.checkpoint import AfterAll, call_before_saving, check_contents
from embedding.specs import TableSpec
from embedding.tables import HostTable


class TrackedTables(tf.__internal__.tracking.Trackable):  # type: ignore[misc]
    """Creates tables once; saves and restores them by their names."""

    def __init__(self, specs: Sequence[TableSpec], backend: Backend):
        """Takes what is to be created, and who looks it up."""
        self._maybe_initialize_trackable()
        self._table_specs = list(specs)
        self._backend = backend
        self._tables: list[HostTable] | None = None

    def _create_tables(self) -> None:
        """Creates and loads the tables, with the values of a restore that waits."""
        if self._tables is not None:
            return
        tables = []
        for spec in self._table_specs:
            preload = self._preload_simple_restoration
            table = HostTable(spec, self._backend.hosts, preload)
            self._track_trackable(table.parameters, name=spec.name)
            for slot, variable in table.slots.items():
                self._track_trackable(variable, name=f"{spec.name}/{slot}")
            tables.append(table)
        self._tables = tables
        self._load_variables()
        restored = AfterAll(self._load_variables)
        for table in tables:
            for variable in (table.parameters, *table.slots.values()):
                variable.after_restore = restored.expect()

    @property
    def _variables(self) -> dict[str, dict[str, Any]]:
        """The variables by table: "parameters" and the slots."""
        return {
            table.spec.name: {"parameters": table.parameters, **table.slots}
            for table in self._tables or []
        }

    def _load_variables(self) -> None:
        """Hands the variables' values to the backend: created, restored or assigned."""
        if self._tables is not None:
            self._backend.load(self._tables)

    def _retrieve_variables(self) -> None:
        """Brings the variables up to date, before they are saved or read."""
        if self._tables is not None:
            self._backend.retrieve()

    def _checkpoint_adapter(self, path: str) -> None:
        """Refuses a checkpoint of other tables, before anything is read."""
        check_contents(path, self._table_specs)


call_before_saving(TrackedTables, TrackedTables._retrieve_variables)
