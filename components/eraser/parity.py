"""What a model must repeat, without what touches erased ids and rows.

An example with an erased id anywhere is dropped whole: its recorded score came of the
row that is reset. So are recorded lookups of rows that are reset.
"""

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.contracts.parity_examples import (
    EXAMPLES_FILE,
    SCORES_FILE,
    write_parity,
)
from shardline.components.contracts.parity_lookups import (
    ARRAYS_FILE,
    LOOKUPS_FILE,
    CaseRange,
    ExampleIds,
    ParityLookups,
    RecordedLookup,
    load_lookups,
    write_lookups,
)


def erase_examples(folder: Path, erasure: Erasure) -> int:
    """Drops parity examples with an erased id; returns how many.

    Args:
        folder: the parity folder, in a copy.
        erasure: what is erased.
    """
    file = folder / EXAMPLES_FILE
    if not file.exists():
        return 0
    examples = parity_examples(folder)
    kept = [n for n, example in enumerate(examples) if not erasure.touches(example)]
    if len(kept) == len(examples):
        return 0
    scores = np.load(folder / SCORES_FILE)
    file.unlink()
    (folder / SCORES_FILE).unlink()
    write_parity(folder, [examples[n] for n in kept], scores[kept])
    return len(examples) - len(kept)


def parity_examples(folder: Path) -> list[bytes]:
    """Returns the serialized parity examples in a parity folder, if any."""
    file = folder / EXAMPLES_FILE
    if not file.exists():
        return []
    return list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())


def erase_lookups(folder: Path, rows: Mapping[str, Collection[int]]) -> int:
    """Drops recorded lookups of rows that are reset; returns how many examples.

    Args:
        folder: the parity folder, in a copy.
        rows: by table, the rows that are reset.
    """
    if not (folder / LOOKUPS_FILE).exists():
        return 0
    lookups = load_lookups(folder)
    dropped, requests = 0, []
    for request in lookups.requests:
        kept = {}
        for name, recorded in request.items():
            gone = frozenset(rows.get(lookups.features[name].table, ()))
            left = _without(recorded, gone)
            dropped += recorded.ids.examples - left.ids.examples
            if left.ids.examples:
                kept[name] = left
        if kept:
            requests.append(kept)
    if dropped:
        (folder / LOOKUPS_FILE).unlink()
        (folder / ARRAYS_FILE).unlink()
        write_lookups(folder, ParityLookups(lookups.features, requests))
    return dropped


def _without(recorded: RecordedLookup, gone: frozenset[int]) -> RecordedLookup:
    """Returns a lookup without the examples that have one of these ids.

    What the engine refused has no activations, and stays.
    """
    ids = recorded.ids
    if recorded.activations is None:
        return recorded
    kept = [n for n in range(ids.examples) if gone.isdisjoint(ids.of(n))]
    if len(kept) == ids.examples:
        return recorded
    cases = []
    for case in recorded.cases:
        start = sum(n < case.start for n in kept)
        stop = sum(n < case.stop for n in kept)
        if start < stop:
            cases.append(CaseRange(case.name, start, stop))
    inside = [
        place for n in kept for place in range(ids.row_splits[n], ids.row_splits[n + 1])
    ]
    lengths = np.diff(ids.row_splits)[kept]
    splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return dataclasses.replace(
        recorded,
        ids=ExampleIds(
            ids.values[inside],
            splits,
            None if ids.weights is None else ids.weights[inside],
        ),
        cases=cases,
        activations=recorded.activations[kept],
        allowed={name: array[kept] for name, array in recorded.allowed.items()},
    )
