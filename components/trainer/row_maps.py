"""Which row of a checkpoint each row of a table begins with, token by token."""

import dataclasses

import numpy as np

from shardline.components.contracts.warm_start_facts import TableFacts
from shardline.components.features.ids.arrow_ids import hash_ids
from shardline.components.trainer.tokens import Tokens
from shardline.configs.living import Living
from shardline.configs.schema import Ids
from shardline.embedding.checkpoint.warm_start.row_map import (
    Copies,
    Means,
    RowMap,
    fresh_rows,
    same_rows,
)

_NO_ROWS = np.empty(0, np.int64)


@dataclasses.dataclass(frozen=True)
class Side:
    """A table of the checkpoint, or of the training.

    Attributes:
        rows: how many it has.
        ids: how its tokens become ids.
        oov_rows: how many rows unknown tokens share.
        tokens: its vocabulary; None if it has none.
    """

    rows: int
    ids: Ids
    oov_rows: int
    tokens: Tokens | None = None

    @property
    def first_oov_row(self) -> int:
        """The first row that unknown tokens share."""
        return len(self.tokens) if self.tokens is not None else self.ids.range or 0


@dataclasses.dataclass(frozen=True)
class MappedTable:
    """How a table begins.

    Attributes:
        row_map: where its rows come from; None: it begins anew.
        facts: what became of its rows, but for columns.
        evicted: rows of the checkpoint whose tokens are gone, ascending.
    """

    row_map: RowMap | None
    facts: TableFacts
    evicted: np.ndarray


def mapped_table(old: Side, new: Side, living: Living) -> MappedTable:
    """Returns how a table begins.

    Args:
        old: the table in the checkpoint.
        new: in the training.
        living: what admitted tokens begin with.
    """
    if old.ids.kind != new.ids.kind:
        return _anew(f"its ids were of kind {old.ids.kind}, and are {new.ids.kind}")
    if new.ids.kind == "vocabulary":
        if old.tokens is None or new.tokens is None:
            return _anew("the checkpoint's vocabularies have no such table")
        return _by_tokens(old, old.tokens, new, new.tokens, living)
    if new.ids.kind == "range":
        return _by_range(old, new)
    if old.ids != new.ids:
        return _anew(f"its ids were `{old.ids}`, and are `{new.ids}`")
    kept = min(old.rows, new.rows)
    row_map = same_rows(new.rows, old.rows)
    return MappedTable(row_map, TableFacts(kept=kept), _NO_ROWS)


def _anew(why: str) -> MappedTable:
    return MappedTable(None, TableFacts(fresh=f"begins anew: {why}"), _NO_ROWS)


def _by_tokens(
    old: Side, before: Tokens, new: Side, after: Tokens, living: Living
) -> MappedTable:
    places = after.places_in(before)
    sources = fresh_rows(new.rows)
    sources[: len(after)] = places
    stayed = np.flatnonzero(places >= 0)
    admitted = np.flatnonzero((places < 0) & ~after.is_free)
    is_gone = ~before.is_free
    is_gone[places[stayed]] = False
    evicted = np.flatnonzero(is_gone)
    why = _map_oov_rows(sources, old, new)
    copies, means = Copies(), Means()
    if living.admitted == "oov_row" and old.oov_rows:
        looked_up = len(before) + hash_ids(after.at(admitted), old.oov_rows)
        copies = Copies(admitted, looked_up)
    elif living.admitted == "mean" and len(stayed):
        means = Means(admitted, stayed)
    facts = TableFacts(
        kept=int(np.count_nonzero(sources >= 0)),
        admitted=len(admitted),
        evicted=len(evicted),
        fresh=why,
    )
    return MappedTable(RowMap(sources, copies, means), facts, evicted)


def _by_range(old: Side, new: Side) -> MappedTable:
    """Maps ids that are rows themselves; a longer range goes on where one ended."""
    sources = fresh_rows(new.rows)
    both = min(old.ids.range or 0, new.ids.range or 0)
    sources[:both] = np.arange(both)
    spare = (old.ids.out_of_range, new.ids.out_of_range)
    why = _map_oov_rows(sources, old, new) if spare == ("oov_rows", "oov_rows") else ""
    facts = TableFacts(kept=int(np.count_nonzero(sources >= 0)), fresh=why)
    return MappedTable(RowMap(sources), facts, _NO_ROWS)


def _map_oov_rows(sources: np.ndarray, old: Side, new: Side) -> str:
    """Has the rows of unknown tokens follow the others; returns why they do not."""
    if old.oov_rows != new.oov_rows:
        return (
            f"its rows of unknown tokens begin anew: there were {old.oov_rows} "
            f"(`oov_rows`), and are {new.oov_rows}"
        )
    count = new.oov_rows
    sources[new.first_oov_row :][:count] = old.first_oov_row + np.arange(count)
    return ""
