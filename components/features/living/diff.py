"""What came, went, stayed and moved between any two LivingVocabulary artifacts."""

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.contracts.living_state import STATE_SCHEMA, read_state
from shardline.components.contracts.living_vocabulary import load_vocabularies
from shardline.components.features.living.update import count_moved


@dataclasses.dataclass(frozen=True)
class Difference:
    """What differs between two vocabularies of a table.

    Attributes:
        admitted: tokens that have a row in the new one only, columns as in
            `STATE_SCHEMA`.
        evicted: tokens that have a row in the old one only, likewise.
        kept: how many have one in both.
        moved: how many of those are in another row.
        capacity_before: rows for tokens in the old one; None if it has no such table.
        capacity: rows for tokens in the new one.
    """

    admitted: pa.Table
    evicted: pa.Table
    kept: int
    moved: int
    capacity_before: int | None
    capacity: int


def changes_between(old: str, new: str) -> dict[str, Difference]:
    """Compares two artifacts, however many updates are between them.

    Args:
        old: folder of a LivingVocabulary.
        new: folder of a later one.

    Returns:
        By table of the new one.

    Raises:
        FileNotFoundError: if a folder holds none.
        VocabularyError: if one is damaged.
    """
    before, after = load_vocabularies(old), load_vocabularies(new)
    found = {}
    for table, changes in after.tables.items():
        known = before.tables.get(table)
        was = _live(read_state(old, table) if known else STATE_SCHEMA.empty_table())
        now = _live(read_state(new, table))
        stays = pc.is_in(now.column("token"), value_set=was.column("token"))
        stayed = pc.is_in(was.column("token"), value_set=now.column("token"))
        found[table] = Difference(
            admitted=now.filter(pc.invert(stays)),
            evicted=was.filter(pc.invert(stayed)),
            kept=pc.sum(stays).as_py() or 0,
            moved=count_moved(was, now),
            capacity_before=known.capacity if known else None,
            capacity=changes.capacity,
        )
    return found


def _live(state: pa.Table) -> pa.Table:
    return state.filter(pc.greater_equal(state.column("row"), 0))
