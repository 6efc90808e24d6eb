"""The keys of rows, as they are compared; rows that hold no single key are bad."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shardline.components.readers.files.columns.lists import listed
from shardline.components.readers.files.columns.value_texts import has_text
from shardline.components.readers.files.joins import keys as key_rules
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.raw_batch import RawBatch
from shardline.configs.shown import shown


def row_keys(name: str, raw: RawBatch, config_key: str) -> pa.Array:
    """Returns the key of each row, and marks rows that hold several or an unclear one.

    Args:
        name: the column that holds the keys.
        raw: the rows.
        config_key: the key of the configuration that says what is joined.

    Returns:
        Large binary [rows]; null where there is none.

    Raises:
        FileFault: no value of the column's type can be a key.
    """
    in_file = raw.stored.get(name, raw.columns[name])
    lists = listed(raw.keys.get(name, in_file))
    values, lengths = lists.values, lists.lengths
    if not has_text(values.type):
        raise FileFault(
            f"its column `{shown(name)}` holds {values.type}, which cannot be a key of "
            f"`{config_key}`. Write keys as text or numbers."
        )
    raw.faults.mark(
        np.flatnonzero(lengths > 1),
        f"column `{shown(name)}` holds several keys",
        lambda row: f"it holds {lengths[row]:,}",
        f"Write one, or correct `{config_key}`.",
    )
    raw.faults.mark(
        lists.row_of(np.flatnonzero(key_rules.are_inexact(values))),
        f"column `{shown(name)}` holds a float that stands for several whole numbers",
        lambda row: f"it holds {lists.shown(row)}",
        "Write keys as whole numbers or text.",
    )
    has_key = lengths == 1
    if not len(values):
        return pa.nulls(len(has_key), pa.large_binary())
    # A row without a value may point past the last.
    places = np.minimum(lists.offsets[:-1], len(values) - 1)
    has_key &= key_rules.are_keys(values)[places]
    return key_rules.key_texts(values).take(pa.array(places, mask=~has_key))
