"""The tokens that each row looks up, as the transform graph makes them.

`features.ids.arrow_tokens` gives all tokens of a feature for counting, those included
that a sequence cuts off; here rows are kept, and only what is looked up.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shardline.components.features.ids.arrow_tokens import (
    Ragged,
    column_of,
    crossed,
    is_missing,
)
from shardline.configs.schema import Feature


def tokens_of(name: str, feature: Feature, batch: pa.RecordBatch) -> Ragged:
    """Returns a feature's tokens as the data have them.

    Args:
        name: of the feature.
        feature: the specification.
        batch: raw columns.
    """
    if feature.cross:
        left, right = (column_of(batch, column) for column in feature.cross)
        return crossed(left, right)
    return column_of(batch, feature.column or name)


def looked_up(tokens: Ragged, feature: Feature) -> Ragged:
    """Returns what is looked up: defaults put in, long sequences cut.

    Args:
        tokens: as the data have them.
        feature: the specification.
    """
    values, lengths = tokens
    starts = np.cumsum(lengths) - lengths
    is_same = True
    if feature.default is not None:
        is_absent = lengths == 0
        if not feature.is_ragged:
            is_absent[~is_absent] = is_missing(values)
        starts = np.where(is_absent, len(values), starts)
        lengths = np.where(is_absent, 1, lengths)
        default = feature.default
        value = default.encode() if isinstance(default, str) else default
        values = pa.concat_arrays([values, pa.array([value], values.type)])
        is_same = False
    most = feature.max_sequence_length
    if most and lengths.max(initial=0) > most:
        if feature.keep != "oldest":
            starts = starts + np.maximum(lengths - most, 0)
        lengths = np.minimum(lengths, most)
        is_same = False
    if is_same:
        return tokens
    first = np.cumsum(lengths) - lengths
    index = np.repeat(starts - first, lengths) + np.arange(lengths.sum())
    return Ragged(values.take(pa.array(index)), lengths)
