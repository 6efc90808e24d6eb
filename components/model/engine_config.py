"""The embedding engine's configuration objects, from the feature set."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from shardline.configs.schema import (
    SGD,
    Adagrad,
    Adam,
    FeatureSet,
    Optimizer,
    Quantization,
)
from shardline.configs.table_rows import needed_rows
from shardline.embedding.config.policies import Policy

_embedding = tf.tpu.experimental.embedding


def table_rows(
    feature_set: FeatureSet, transform_output: tft.TFTransformOutput
) -> dict[str, int]:
    """Returns the rows of each table: what its ids need, or its `rows` if given.

    A vocabulary needs a row for each of its tokens, and the out-of-vocabulary rows;
    what other ids need, the configuration says.

    Args:
        feature_set: the features and their tables.
        transform_output: what the Transform component wrote; counts the vocabularies.

    Raises:
        ValueError: if a table's `rows` are fewer than its vocabulary needs.
    """
    rows = {}
    for name, table in feature_set.tables.items():
        ids, tokens = feature_set.ids_of(name), None
        if ids.kind == "vocabulary":
            tokens = transform_output.vocabulary_size_by_name(name)
        needed = needed_rows(table, ids, tokens)
        if tokens is not None and table.rows is not None and table.rows < needed:
            raise ValueError(
                f"Table '{name}': its vocabulary has {tokens} tokens and needs "
                f"{needed} rows (`oov_rows: {table.oov_rows}`), `rows` is "
                f"{table.rows}. Give it more `rows`, or none, or fewer tokens by "
                "`max_tokens` or `min_count`."
            )
        rows[name] = table.rows or needed
    return rows


def engine_config(
    feature_set: FeatureSet, rows: Mapping[str, int], *, trainable: bool = True
) -> dict[str, Any]:
    """Returns the engine's feature configuration.

    Args:
        feature_set: the features and their tables.
        rows: rows of each table, from `table_rows`.
        trainable: whether tables get their optimizers, and so slots.

    Returns:
        A `tf.tpu.experimental.embedding.FeatureConfig` for each feature; features of
        one table share its TableConfig.
    """
    tables = {
        name: _embedding.TableConfig(
            vocabulary_size=rows[name],
            dim=table.dim,
            initializer=tf.initializers.TruncatedNormal(stddev=table.initial_stddev),
            combiner=feature_set.combiner_of(name),
            optimizer=engine_optimizer(table.optimizer) if trainable else None,
            quantization_config=_quantization(table.quantization),
            name=name,
        )
        for name, table in feature_set.tables.items()
    }
    return {
        name: _embedding.FeatureConfig(
            table=tables[feature.table],
            max_sequence_length=feature.max_sequence_length or 0,
            name=name,
        )
        for name, feature in feature_set.features.items()
    }


def table_policies(feature_set: FeatureSet) -> dict[str, Policy]:
    """Returns what each table does with ids and weights that it cannot use."""
    return {name: table.policy for name, table in feature_set.tables.items()}


def _quantization(quantization: Quantization | None) -> Any:
    if quantization is None:
        return None
    return _embedding.QuantizationConfig(
        quantization.buckets, quantization.lower, quantization.upper
    )


def engine_optimizer(optimizer: Optimizer) -> Any:
    """Returns the `tf.tpu.experimental.embedding` optimizer of a table."""
    kinds = {SGD: _embedding.SGD, Adagrad: _embedding.Adagrad, Adam: _embedding.Adam}
    chosen = optimizer.chosen
    return kinds[type(chosen)](**chosen.model_dump())
