"""Counts of spans into a table's living vocabulary, and its files."""

import os
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.contracts.living_vocabulary import FREE_LINE, TableChanges
from shardline.components.features.analysis.counts import merged
from shardline.components.features.analysis.statistics import VocabularyStatistics
from shardline.components.features.analysis.vocabulary import (
    is_usable,
    read_counts,
    write_vocabulary,
)
from shardline.components.features.living.counting import (
    Counting,
    columns_of,
    counting_of_spans,
)
from shardline.components.features.living.files import write_table
from shardline.components.features.living.update import Update, updated
from shardline.configs.schema import Preprocessing


def write_living_vocabulary(
    folder: str,
    table: str,
    files: Mapping[int, Sequence[str]],
    preprocessing: Preprocessing,
    counting: Counting,
) -> tuple[VocabularyStatistics, TableChanges]:
    """Updates the vocabulary of a table by counts, and writes its files.

    Args:
        folder: where to; it is there.
        table: its name.
        files: files of counts by the age of the vocabulary once they are counted.
        preprocessing: the features and tables.
        counting: what the vocabulary goes on from.

    Returns:
        Statistics of the tokens in these counts, and what became of the vocabulary.

    Raises:
        VocabularyError: if the vocabulary before is damaged or larger than it may be.
    """
    counts = {
        age: merged([read_counts(file) for file in some]) for age, some in files.items()
    }
    tokens = sum(pc.sum(some.column("count")).as_py() or 0 for some in counts.values())
    usable = {age: some.filter(_can_live(some)) for age, some in counts.items()}
    distinct, unusable = _distinct(counts), _distinct(counts) - _distinct(usable)
    counts.clear()
    before = counting.before(table)
    rules = preprocessing.vocabularies[table]
    update = updated(before, usable, rules, counting.age)
    columns = columns_of(preprocessing, table)
    changes = write_table(folder, table, before, update, columns)
    statistics = VocabularyStatistics(
        size=update.capacity,
        distinct=distinct,
        tokens=tokens,
        covered=_covered(usable, update),
        unusable=unusable,
    )
    return statistics, changes


def write_vocabulary_at_once(
    folder: str,
    table: str,
    shards: Mapping[int, Sequence[str]],
    preprocessing: Preprocessing,
) -> VocabularyStatistics:
    """Writes a vocabulary as if all counts were those of a first span.

    Args:
        folder: where to; it is there.
        table: its name.
        shards: files of counts by shard.
        preprocessing: the features and tables.
    """
    rules = preprocessing.vocabularies[table]
    if rules.living is None:
        return write_vocabulary(os.path.join(folder, table), shards, rules)
    files = [file for some in shards.values() for file in some]
    counting = counting_of_spans(["all"])
    statistics, _ = write_living_vocabulary(
        folder, table, {1: files}, preprocessing, counting
    )
    return statistics


def _can_live(counts: pa.Table) -> pa.ChunkedArray:
    """Finds the tokens that a line can name, and that are no line of a free row."""
    tokens = counts.column("token")
    return pc.and_not(is_usable(tokens), pc.starts_with(tokens, FREE_LINE))


def _distinct(counts: Mapping[int, pa.Table]) -> int:
    """Returns how many distinct tokens there are in all."""
    tokens = [
        chunk for some in counts.values() for chunk in some.column("token").chunks
    ]
    found = pc.count_distinct(pa.chunked_array(tokens, pa.large_binary()))
    return int(found.as_py())


def _covered(counts: Mapping[int, pa.Table], update: Update) -> int:
    """Returns how many values are of tokens that have a row now."""
    has_row = pc.greater_equal(update.state.column("row"), 0)
    live = update.state.column("token").filter(has_row)
    return sum(
        pc.sum(
            some.column("count").filter(pc.is_in(some.column("token"), value_set=live))
        ).as_py()
        or 0
        for some in counts.values()
    )
