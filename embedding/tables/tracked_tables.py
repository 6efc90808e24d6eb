"""The tables as checkpoint dependencies of the engine that owns them.

A few private methods have the names that TensorFlow gives them, or its own class:
`_checkpoint_adapter` is called by TensorFlow, `_variables`, `_retrieve_variables` and
`_load_variables` by code that was written for its class.
"""

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.backend import Backend
from shardline.embedding.checkpoint.compatibility import check_compatible, wanted_shapes
from shardline.embedding.checkpoint.save_hooks import call_before_saving, is_exporting
from shardline.embedding.checkpoint.sets.cut import Cut
from shardline.embedding.config.specs import TableSpec
from shardline.embedding.tables.host_table import HostTable


class TrackedTables(tf.__internal__.tracking.Trackable):  # type: ignore[misc]
    """Creates tables once; saves and restores them by their names.

    Attributes:
        loads: how often the backend was given the tables' values: once they were
            created, and each time they were restored.
    """

    def __init__(self, specs: Sequence[TableSpec], backend: Backend):
        """Takes what is to be created, and who looks it up."""
        self._maybe_initialize_trackable()
        self._table_specs = list(specs)
        self._backend = backend
        self._tables: list[HostTable] | None = None
        self._to_restore: set[str] = set()
        self.loads = 0

    def touched_rows(self) -> dict[str, int] | None:
        """Returns how many rows of each table were touched since the last cut.

        All rows, while no set is known to hold them: of new tables, and after a
        checkpoint was restored. None if the engine does not track rows: without native
        kernels, on a TPU, and before it is built for a batch's shapes. The update that
        pipelined execution holds back does not count yet.
        """
        return self._backend.touched_rows()

    def touch_all_rows(self) -> None:
        """Takes note that rows are about to get other values than training gives them.

        For who restores a set: a cut that is being written is void from here on, and
        fails; what a restore that fails leaves behind is in the next set.
        """
        self._backend.touch_all_rows()

    def forget_touched_rows(self) -> None:
        """Takes note that a set holds all rows as they are: none counts as touched.

        For who restores a set: the next differential cut is based on it.
        """
        self._backend.forget_touched_rows()

    def rows(self) -> dict[str, Any]:
        """Returns each table's rows as they are now, by name, wherever they live.

        On a TPU they are copied to its hosts for that, of all tables at once.

        Returns:
            `RowShardedVariable` float32 [rows, dim]; to be read only.
        """
        with tf.init_scope():
            self._create_tables()
            self._retrieve_variables()
        return {
            name: variables["parameters"] for name, variables in self._variables.items()
        }

    def cut(self, differential: bool, spill_folder: str) -> Cut:
        """Begins a cut: what a set is to hold of the tables as they are now.

        Call it between two steps. Training may go on at once unless the cut is
        `in_pause`. What is assigned to tables by other means than training is not
        tracked, nor kept out of a cut that is being written.

        Args:
            differential: whether to store only rows touched since the cut before.
            spill_folder: an existing folder where hosts keep, in files without names,
                rows that do not fit into memory until they are written.

        Raises:
            ValueError: if `differential` is asked where rows are not tracked.
            tf.errors.FailedPreconditionError: if the cut before is not ended.
        """
        with tf.init_scope():
            self._create_tables()
            self._retrieve_variables()
            return self._backend.cut(differential, spill_folder)

    def _create_tables(self) -> None:
        """Creates and loads the tables, then restores what waits for them."""
        if self._tables is not None:
            return
        hosts, preload = self._backend.hosts, self._preload_simple_restoration
        self._tables = [HostTable(spec, hosts, preload) for spec in self._table_specs]
        self._load_variables()
        for name, variable in self._by_name().items():
            variable.after_restore = functools.partial(self._restored, name)
            self._track_trackable(variable, name=name)

    def _by_name(self) -> dict[str, Any]:
        """Returns the variables by their names in checkpoints."""
        return {
            name if slot == "parameters" else f"{name}/{slot}": variable
            for name, variables in self._variables.items()
            for slot, variable in variables.items()
        }

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
            self.loads += 1
            self._backend.load(self._tables)

    def _retrieve_variables(self) -> None:
        """Brings the variables up to date, before they are saved or read."""
        if self._tables is not None and not is_exporting():
            self._backend.retrieve()

    def _checkpoint_adapter(self, path: str) -> None:
        """Refuses a checkpoint of other tables, before anything is read."""
        check_compatible(path, self._table_specs)
        self.touch_all_rows()
        self._to_restore = set(wanted_shapes(self._table_specs))

    def _restored(self, name: str) -> None:
        """Loads the variables once the last one of a checkpoint was read."""
        if name in self._to_restore:
            self._to_restore.remove(name)
            if not self._to_restore:
                self._load_variables()

    def _copy_trackable_to_cpu(self, object_map: Any) -> None:
        """Brings the variables up to date before an asynchronous save copies them."""
        self._retrieve_variables()
        # In its place, so that the thread that saves does not come back for more.
        object_map[self] = tf.Module()


call_before_saving(TrackedTables, TrackedTables._retrieve_variables)
