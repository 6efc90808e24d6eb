"""How many rows the ids of a table need: one rule for checks, training and planning."""

from shardline.configs.features import Ids
from shardline.configs.tables import Vocabulary


def needed_rows(table: Vocabulary, ids: Ids, tokens: int | None = None) -> int:
    """Returns the rows that the ids of a table need; `rows` of the table may be more.

    Args:
        table: the configuration of the table.
        ids: how its tokens become ids.
        tokens: how many tokens its vocabulary has. None before that is known: then
            `max_tokens` counts, or the capacity of a living one, or else one token.
    """
    if ids.kind == "vocabulary":
        if tokens is None:
            capacity = table.living.capacity if table.living else None
            tokens = table.max_tokens or capacity or 1
        return tokens + table.oov_rows
    if ids.kind == "range":
        spare = table.oov_rows if ids.out_of_range == "oov_rows" else 0
        return (ids.range or 0) + spare
    return ids.hash_buckets or ids.quantile_buckets or 0
