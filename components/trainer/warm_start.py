"""Begins a training with what an earlier one has learnt: tables, dense model, step."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shardline.components.contracts.warm_start_facts import TableFacts, WarmStartFacts
from shardline.components.trainer import dense_start
from shardline.components.trainer.base import OpenedBase
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.row_maps import MappedTable, Side, mapped_table
from shardline.components.trainer.tokens import Tokens
from shardline.configs.living import Living
from shardline.configs.schema import FeatureSet
from shardline.embedding.checkpoint.warm_start.archive import archive_rows
from shardline.embedding.checkpoint.warm_start.object_source import ObjectSource
from shardline.embedding.checkpoint.warm_start.row_map import RowMap
from shardline.embedding.checkpoint.warm_start.starting import check_table, warm_start

_log = logging.getLogger("shardline.trainer")

# Below a checkpoint's folder: the rows of tokens that went when its training began.
EVICTED_FOLDER = "evicted"


class WarmStart:
    """What a training is to take from a checkpoint.

    Attributes:
        facts: of all that it takes and does not.
    """

    def __init__(
        self,
        opened: OpenedBase,
        learner: Learner,
        feature_set: FeatureSet,
        rows: Mapping[str, int],
        tokens: Mapping[str, Tokens],
    ):
        """Compares the checkpoint with the training; reads no row.

        Args:
            opened: the checkpoint.
            learner: as it was made, or further.
            feature_set: the training's.
            rows: of each of its tables.
            tokens: its vocabularies by table.

        Raises:
            BaseError: if checkpoint, vocabularies and training do not belong together.
            WarmStartError: if a table is narrower than it was, or has another
                optimizer.
        """
        opened.check_tables(feature_set)
        self._opened = opened
        self._learner = learner
        self._feature_set = feature_set
        self._source = ObjectSource(opened.prefix, list(feature_set.tables))
        before = opened.tokens()
        self._mapped = {
            name: self._map_of(name, rows[name], before.get(name), tokens.get(name))
            for name in sorted(feature_set.tables)
        }
        for name in self._maps:
            check_table(self._source, name, learner.engine._variables.get(name))
        self._dense = dense_start.match(learner, opened.manifest.dense)
        self.facts = WarmStartFacts(
            checkpoint=opened.base.checkpoint,
            steps=opened.manifest.steps,
            spans=opened.base.spans,
            tables={name: one.facts for name, one in self._mapped.items()},
            left=tuple(sorted(self._source.tables.keys() - feature_set.tables.keys())),
            dense_taken=len(self._dense.taken),
            dense_not_taken=dict(self._dense.not_taken),
        )

    def apply(self) -> None:
        """Moves rows and slots, and reads the dense model, its optimizer and the step.

        Raises:
            ValueError: if the checkpoint is not what was written; the learner holds a
                part of it then.
        """
        learner = self._learner
        learner.run(warm_start, learner.engine, self._source, self._maps)
        dense_start.assign(learner, self._opened.prefix, self._dense)
        learner.step.assign(self._opened.manifest.steps)

    def archive(self, folder: str) -> None:
        """Writes the rows of evicted tokens, of tables that archive them.

        Args:
            folder: of the checkpoint that the training will write.

        Raises:
            OSError: if they cannot be written.
        """
        for name, one in self._mapped.items():
            if _living(self._feature_set, name).archive_evicted and len(one.evicted):
                archive = Path(folder, EVICTED_FOLDER)
                archive.mkdir(parents=True, exist_ok=True)
                archive_rows(self._source, name, one.evicted, archive)

    def log(self) -> None:
        """Tells people what is taken, and what is not."""
        facts = self.facts
        spans = f" ({', '.join(facts.spans)})" if facts.spans else ""
        _log.info("begins with step %d of %s%s", facts.steps, facts.checkpoint, spans)
        for name, table in facts.tables.items():
            _log.info("table %s: %s", name, table)
        for name in facts.left:
            _log.info("table %s of the checkpoint is left behind", name)
        _log.info("dense model: %d variables taken", facts.dense_taken)
        for name, why in facts.dense_not_taken.items():
            _log.warning("dense model: %s %s", name, why)

    @property
    def _maps(self) -> dict[str, RowMap]:
        return {
            name: one.row_map
            for name, one in self._mapped.items()
            if one.row_map is not None
        }

    def _map_of(
        self, name: str, rows: int, before: Tokens | None, after: Tokens | None
    ) -> MappedTable:
        held = self._opened.manifest
        if name not in self._source.tables or name not in held.feature_set.tables:
            why = "begins anew: the checkpoint has no such table"
            return MappedTable(None, TableFacts(fresh=why), np.empty(0, np.int64))
        stored = self._source.tables[name]
        old = Side(
            stored.rows,
            held.feature_set.ids_of(name),
            held.feature_set.tables[name].oov_rows,
            before,
        )
        table = self._feature_set.tables[name]
        new = Side(rows, self._feature_set.ids_of(name), table.oov_rows, after)
        mapped = mapped_table(old, new, _living(self._feature_set, name))
        facts = mapped.facts
        if mapped.row_map is not None:
            columns = table.dim - stored.dim
            facts = facts.model_copy(update={"new_columns": columns})
        return MappedTable(mapped.row_map, facts, mapped.evicted)


def _living(feature_set: FeatureSet, table: str) -> Living:
    return feature_set.tables[table].living or Living()
