"""What a sample tells of a table's ids, and of weights beside ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.findings import Finding
from shardline.components.readers.files.unit_reader import uneven_weights
from shardline.configs.fault import table_part
from shardline.configs.schema import Feature, Job, Table


def table_findings(
    name: str, job: Job, values: Mapping[str, pa.Array]
) -> Iterator[Finding]:
    """Yields what the tokens of a sample tell of a table's rows.

    Args:
        name: the name of the table.
        job: the configuration.
        values: the values of columns that fit, in the types that the features need.
    """
    table, features = job.tables[name], job.features_of(name)
    columns = [f.column or n for n, f in features.items() if not f.cross]
    known = [values[column] for column in dict.fromkeys(columns) if column in values]
    if not known:
        return
    counted = pc.value_counts(pa.concat_arrays(known))
    tokens = len(counted)
    ids = job.ids_of(name)
    if ids.kind == "vocabulary":
        counts = counted.field("counts").to_numpy()
        frequent = int(np.count_nonzero(counts >= table.min_count))
        yield from _vocabulary(name, table, frequent)
    elif ids.hash_buckets is not None and tokens > ids.hash_buckets:
        yield _hint(
            name,
            f"the sample alone has {tokens:,} distinct tokens for `hash_buckets: "
            f"{ids.hash_buckets}`, so they share rows.",
            "Give more, or `ids: vocabulary`; `shardline plan` tells how many share.",
        )
    elif ids.quantile_buckets is not None and tokens < ids.quantile_buckets:
        yield _hint(
            name,
            f"the sample has {tokens:,} distinct values for `quantile_buckets: "
            f"{ids.quantile_buckets}`, so buckets may stay empty.",
            "Give fewer if the rest of the data is like that.",
        )


def _vocabulary(name: str, table: Table, tokens: int) -> Iterator[Finding]:
    most, living = table.max_tokens, table.living
    if living and not living.grow_by and tokens > (living.capacity or tokens):
        yield _hint(
            name,
            f"the sample alone has {tokens:,} tokens for `living.capacity: "
            f"{living.capacity}`; the rarer ones wait for a row.",
            "Raise it, or give `grow_by`, to give them rows.",
        )
    elif most is not None and tokens > most:
        yield _hint(
            name,
            f"the sample alone has {tokens:,} tokens for `max_tokens: {most}`; the "
            "rarer ones are out of the vocabulary.",
            "Raise it to give them rows; `shardline plan` tells what is lost.",
        )
    elif most is None and table.rows and tokens + table.oov_rows > table.rows:
        yield Finding(
            ("tables", name, "rows"),
            f"table `{name}`",
            f"the sample alone has {tokens:,} tokens, which with `oov_rows: "
            f"{table.oov_rows}` need {tokens + table.oov_rows:,} rows; `rows` is "
            f"{table.rows:,}.",
            "Give it more `rows`, or none, or fewer tokens by `max_tokens` or "
            "`min_count`.",
        )


def weight_findings(
    name: str,
    feature: Feature,
    ids: ColumnSample,
    weights: ColumnSample,
    *,
    is_skipped: bool,
) -> Iterator[Finding]:
    """Yields the fault of weights that are not as many as the ids.

    Args:
        name: the name of the feature.
        feature: the feature.
        ids: the sample of its column.
        weights: the sample of the column of its weights.
        is_skipped: whether bad examples are skipped.
    """
    counts, expected = weights.lists.lengths, ids.lists.lengths
    uneven = np.flatnonzero(counts != expected)
    if not len(uneven):
        return
    first = int(uneven[0])
    yield Finding(
        ("features", name, "weights"),
        f"feature `{name}`",
        f"{len(uneven):,} of {len(counts):,} sampled examples have not one weight for "
        f"each id: {ids.location_of(first)} has {counts[first]:,} weights in column "
        f"`{feature.weights}` for {expected[first]:,} ids in column "
        f"`{feature.column or name}`.",
        "Write as many weights as ids, or name another column.",
        feature.weights or "",
        is_fault=not is_skipped or len(uneven) == len(counts),
        causes=frozenset({uneven_weights(weights.name, ids.name)}),
    )


def _hint(table: str, message: str, remedy: str) -> Finding:
    who, path = table_part(table)
    return Finding(path, who, message, remedy, is_fault=False)
