"""The transform graph's making: raw columns to ids and numbers, from known statistics.

Each table has one vocabulary, counted over all its features together, so that a token
has the same id wherever it occurs. The statistics come from the analysis; the graph
itself analyses nothing, which keeps it small and quick to make.
"""

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

import tensorflow_transform as tft

from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.graph.numbers import scaled
from shardline.components.features.graph.outputs import EXAMPLE_WEIGHT, weights_output
from shardline.components.features.ids.tensor_ids import (
    TableIds,
    VocabularyLookup,
    vocabulary_lines,
)
from shardline.components.features.ids.tensor_tokens import (
    feature_tokens,
    feature_weights,
)
from shardline.configs.schema import Preprocessing


def transformed_columns(
    columns: Mapping[str, Any],
    preprocessing: Preprocessing,
    statistics: FeatureStatistics,
    vocabularies: str,
) -> dict[str, Any]:
    """Turns raw columns into what models take.

    Args:
        columns: raw columns as the schema represents them: [batch] or ragged.
        preprocessing: the features, numbers and tables to preprocess.
        statistics: the statistics of the training examples.
        vocabularies: folder with a file of tokens for each table that has one.

    Returns:
        By feature name int64 ids, [batch] or ragged and at most max_sequence_length
        long; `<feature>.weights` float32, ragged; by number name float32 [batch]; the
        label float32 [batch], and `example_weight` likewise if the data has one.
    """
    table_ids: dict[str, TableIds] = {}
    target = preprocessing.target
    outputs = {target.label: columns[target.label]}
    if target.example_weight:
        outputs[EXAMPLE_WEIGHT] = columns[target.example_weight]
    for name, feature in preprocessing.features.items():
        table = feature.table
        if table not in table_ids:
            table_ids[table] = _ids_of(table, preprocessing, statistics, vocabularies)
        tokens = feature_tokens(name, feature, columns)
        outputs[name] = table_ids[table].of(tokens, name)
        if feature.weights:
            outputs[weights_output(name)] = feature_weights(name, feature, columns)
    for name, number in preprocessing.numbers.items():
        values = columns[number.column or name]
        outputs[name] = scaled(values, number, statistics.numbers[name])
    return outputs


def _ids_of(
    table: str,
    preprocessing: Preprocessing,
    statistics: FeatureStatistics,
    vocabularies: str,
) -> TableIds:
    """Returns what turns the tokens of a table into ids, for all its features."""
    lookup = None
    if table in statistics.vocabularies:
        size = statistics.vocabularies[table].size
        lines = partial(vocabulary_lines, os.path.join(vocabularies, table), size)
        # Made outside of the graph and tracked by it, or its file would be no asset.
        lookup = VocabularyLookup(tft.make_and_track_object(lines, name=table), size)
    return TableIds(
        preprocessing.ids_of(table),
        preprocessing.vocabularies[table].oov_rows,
        lookup,
        statistics.boundaries.get(table, ()),
    )
