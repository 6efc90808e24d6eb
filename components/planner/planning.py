"""Makes a plan of what was counted."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa

from shardline.components.features.ids.arrow_ids import TableIds
from shardline.components.features.ids.arrow_tokens import feature_tokens
from shardline.components.planner.counting import Counting
from shardline.components.planner.limits import FeatureRows, batches_of, limits_of
from shardline.components.planner.report import FeatureIds, Plan, TablePlan
from shardline.configs.schema import SGD, Adagrad, Adam, FeatureSet, Optimizer
from shardline.configs.table_rows import needed_rows
from shardline.embedding.tables.partition import row_ranges

_TOP = 10
_CURVE_POINTS = 200
_FLOAT_BYTES = 4
_SLOTS: dict[type, int] = {SGD: 0, Adagrad: 1, Adam: 2}
SAMPLED_BATCHES = 64


@dataclasses.dataclass(frozen=True)
class TrainingSetup:
    """What the tables are planned for.

    Attributes:
        hosts: the hosts that rows are split over.
        batch_size: examples in a batch.
        sparse_cores: the sparse cores that share a batch.
    """

    hosts: int
    batch_size: int
    sparse_cores: int


def plan_of(
    name: str, counting: Counting, features: FeatureSet, setup: TrainingSetup
) -> Plan:
    """Returns the plan.

    Args:
        name: the name of the run.
        counting: after its pass over the training examples.
        features: the specification.
        setup: what is planned for.

    Raises:
        ValueError: if there was no example.
    """
    sample = counting.sample.drawn()
    if sample is None:
        raise ValueError(
            "There is no training example to plan for. Check `data.files.splits.train` "
            "and what `held_out` takes from it."
        )
    batches = batches_of(sample.num_rows, setup.batch_size)
    tables = {}
    for table, counted in counting.tables().items():
        needed = needed_rows(
            features.tables[table], features.ids_of(table), counted[0].known or 0
        )
        rows = features.tables[table].rows or needed
        ids = _sampled_ids(table, features, sample, counted[0], rows)
        tables[table] = TablePlan(
            needed_rows=needed,
            limits=limits_of(ids, batches, setup.sparse_cores),
            **_of_specification(table, features, rows),
            **_of_counts(features.ids_of(table).kind, counted, rows, setup.hosts),
        )
    return Plan(
        name=name,
        examples=counting.examples,
        **dataclasses.asdict(setup),
        sampled_examples=batches[-1][1],
        sampled_batches=len(batches),
        tables=tables,
        features={
            feature: FeatureIds(
                table=features.features[feature].table,
                percentiles=lengths.percentiles,
                mean=lengths.mean,
                cut_off=1 - lengths.kept / lengths.ids if lengths.ids else 0.0,
                max_sequence_length=features.features[feature].max_sequence_length,
            )
            for feature, lengths in counting.lengths.items()
        },
    )


def slots_of(optimizer: Optimizer) -> int:
    """Returns how many numbers an optimizer keeps for each one of a table."""
    return _SLOTS[type(optimizer.chosen)]


def _sampled_ids(
    table: str,
    features: FeatureSet,
    sample: pa.RecordBatch,
    to_ids: TableIds,
    rows: int,
) -> list[FeatureRows]:
    """Returns the ids of each feature of a table."""
    users = features.features_of(table)
    lookups = [feature_tokens(name, feature, sample) for name, feature in users.items()]
    # All features' tokens at once: a large vocabulary is prepared for each search.
    ids = to_ids.of(pa.concat_arrays([tokens.values for tokens in lookups]))
    ends = np.cumsum([len(tokens.values) for tokens in lookups])
    by_feature = np.split(np.clip(ids, 0, rows - 1), ends[:-1])
    return [
        FeatureRows(some, tokens.lengths, bool(feature.max_sequence_length))
        for some, tokens, feature in zip(
            by_feature, lookups, users.values(), strict=True
        )
    ]


def _of_specification(name: str, features: FeatureSet, rows: int) -> dict[str, Any]:
    """Returns what follows from the specification once the rows are known."""
    table = features.tables[name]
    row_bytes = rows * table.dim * _FLOAT_BYTES
    return {
        "features": list(features.features_of(name)),
        "ids": str(features.ids_of(name)),
        "dim": table.dim,
        "rows": rows,
        "row_bytes": row_bytes,
        "total_bytes": row_bytes * (1 + slots_of(table.optimizer)),
    }


def _of_counts(
    kind: str, counted: tuple[TableIds, pa.Array, np.ndarray], rows: int, hosts: int
) -> dict[str, Any]:
    """Returns what the counts of tokens tell."""
    to_ids, tokens, counts = counted
    ids = to_ids.of(tokens)
    return {
        "distinct": len(tokens),
        "vocabulary": to_ids.known if kind == "vocabulary" else None,
        "out_of_vocabulary": _outside(ids, counts, to_ids.known),
        "colliding": None if kind == "quantiles" else _colliding(ids),
        "host_shares": _host_shares(ids, counts, rows, hosts),
        **_frequencies(ids, counts),
    }


def _outside(ids: np.ndarray, counts: np.ndarray, known: int | None) -> float | None:
    if known is None:
        return None
    is_outside = (ids < 0) | (ids >= known)
    return float(counts[is_outside].sum() / max(1, counts.sum()))


def _colliding(ids: np.ndarray) -> float:
    """Returns the share of tokens whose row is another token's, too."""
    _, tokens = np.unique(ids, return_counts=True)
    return float(tokens[tokens > 1].sum() / max(1, len(ids)))


def _frequencies(ids: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """Returns what the lookups of each id tell, the most frequent first."""
    _, rows = np.unique(ids, return_inverse=True)
    lookups = np.bincount(rows, weights=counts).astype(np.int64)
    lookups = np.sort(lookups)[::-1]
    covered = np.cumsum(lookups)
    total = int(covered[-1]) if len(covered) else 0
    # Exact also where 80 % of the lookups is a whole number.
    hot = int(np.searchsorted(covered * 5, total * 4)) + 1 if total else 0
    ranks = np.unique(np.geomspace(1, max(1, len(lookups)), _CURVE_POINTS).astype(int))
    return {
        "lookups": total,
        "hot_ids": hot,
        "top_10": float(lookups[:_TOP].sum() / max(1, total)),
        "frequencies": [(int(r), int(lookups[r - 1])) for r in ranks if total],
    }


def _host_shares(
    ids: np.ndarray, counts: np.ndarray, rows: int, hosts: int
) -> list[float]:
    """Returns the share of lookups of each host, by the engine's ranges of rows."""
    ends = [end for _, end in row_ranges(rows, hosts)]
    inside = np.clip(ids, 0, rows - 1)
    host = np.searchsorted(ends, inside, side="right")
    lookups = np.bincount(host, weights=counts, minlength=hosts)
    shares: list[float] = (lookups / max(1, counts.sum())).tolist()
    return shares
