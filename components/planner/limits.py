"""What a TPU's SparseCores must take from batches: the static limits of a table.

The rows of a batch are shared out to the cores in equal runs. Each core groups its ids
by partition, the core that holds their rows: id modulo cores. An id that a row has
several times in a pooled feature is one there, its weights summed up; in a sequence
each has an activation of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shardline.components.planner.report import Limits


class FeatureRows(NamedTuple):
    """The ids of one feature.

    Attributes:
        ids: the ids of all rows, flat, int64 [n] and not negative.
        lengths: how many each row has, int64 [rows].
        is_sequence: whether they are not pooled.
    """

    ids: np.ndarray
    lengths: np.ndarray
    is_sequence: bool = False


def batches_of(rows: int, batch_size: int) -> list[tuple[int, int]]:
    """Returns (first, end) of whole batches of some rows; of all if they are fewer."""
    whole = max(1, rows // batch_size)
    return [
        (batch * batch_size, min(rows, (batch + 1) * batch_size))
        for batch in range(whole)
    ]


def limits_of(
    features: Sequence[FeatureRows],
    batches: Sequence[tuple[int, int]],
    cores: int,
) -> Limits:
    """Returns the most that any core has for any partition of a table.

    Args:
        features: the features that look the table up.
        batches: (first row, end) of each.
        cores: number of SparseCores.
    """
    offsets = [np.concatenate([[0], np.cumsum(f.lengths)]) for f in features]
    most_ids, most_unique = 0, 0
    for first, end in batches:
        parts = [
            _of_batch(
                feature._replace(
                    ids=feature.ids[at[first] : at[end]],
                    lengths=feature.lengths[first:end],
                )
            )
            for feature, at in zip(features, offsets, strict=True)
        ]
        ids = np.concatenate([part[0] for part in parts])
        if not len(ids):
            continue
        rows = np.concatenate([part[1] for part in parts])
        core = rows // -(-(end - first) // cores)
        ids_of, unique_of = _counted(ids, core, cores)
        most_ids, most_unique = max(most_ids, ids_of), max(most_unique, unique_of)
    return Limits(
        max_ids_per_partition=most_ids, max_unique_ids_per_partition=most_unique
    )


def _of_batch(feature: FeatureRows) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids of a batch and their rows in it, each pair once if pooled."""
    ids, lengths, is_sequence = feature
    rows = np.repeat(np.arange(len(lengths)), lengths)
    if is_sequence or lengths.max(initial=0) <= 1:
        return ids, rows
    size = int(ids.max()) + 1
    pairs = _different(rows * size + ids)
    return pairs % size, pairs // size


def _counted(ids: np.ndarray, core: np.ndarray, cores: int) -> tuple[int, int]:
    """Returns the most ids, and the most different ones, of a core and partition."""
    group = core * cores + ids % cores
    size = int(ids.max()) + 1
    different = _different(core * size + ids)
    unique_group = different // size * cores + different % size % cores
    return int(np.bincount(group).max()), int(np.bincount(unique_group).max())


def _different(values: np.ndarray) -> np.ndarray:
    """Returns each value once; for whole numbers faster than `np.unique`."""
    ordered: np.ndarray = np.sort(values)
    different: np.ndarray = ordered[
        np.concatenate([[True], ordered[1:] != ordered[:-1]])
    ]
    return different
