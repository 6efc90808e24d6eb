"""Assertions on a served request: those of all features are made as one.

A small request is as slow as it has ops. Of each feature's ids only the smallest and
the largest are taken, and those of all features are compared at once. What is refused
is what `embedding.config.policies` refuses in training.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from shardline.embedding.config.specs import FeatureSpec
from shardline.embedding.inputs.assertions import Check, are_same, asserted
from shardline.embedding.inputs.row_splits import MUST, splits_check
from shardline.embedding.inputs.structure import is_dense
from shardline.embedding.inputs.weights import are_finite_and_not_negative

_REMEDY = "Mend the preprocessing, or give the table the policy drop or oov_row."


class Batch(NamedTuple):
    """One feature's share of a request.

    Attributes:
        feature: the feature.
        ids: checked by `embedding.inputs.structure.check_inputs`.
        weights: None, or checked with the ids.
    """

    feature: FeatureSpec
    ids: Any
    weights: Any


def request_checks(batches: Sequence[Batch], *, splits_known: bool) -> list[Check]:
    """Asserts that dense and ragged batches are such, and tables can use them.

    Args:
        batches: the ids and weights of tables whose policy does not refuse anything,
            or that are not to be validated, pass; row splits that are none do not.
        splits_known: whether row splits are known to be such.
    """
    ragged = [
        (f"Feature '{batch.feature.path}': {MUST}", batch.ids)
        for batch in batches
        if not (splits_known or is_dense(batch.ids))
    ]
    checked = [
        batch
        for batch in batches
        if batch.feature.policy == "error"
        and batch.feature.config.validate_weights_and_indices
    ]
    weighted = [batch for batch in checked if batch.weights is not None]
    return [
        *([splits_check(ragged)] if ragged else []),
        *(_ids_checks(checked) if checked else []),
        *(_weights_checks(weighted) if weighted else []),
    ]


def _ids_checks(batches: Sequence[Batch]) -> list[Check]:
    values = [b.ids if is_dense(b.ids) else b.ids.values for b in batches]
    smallest, largest = (
        tf.stack([tf.cast(of(ids), tf.int64) for ids in values])
        for of in (tf.reduce_min, tf.reduce_max)
    )
    rows = [batch.feature.config.table.vocabulary_size for batch in batches]
    fits = (smallest >= 0) & (largest < tf.constant(rows, tf.int64))
    messages = [
        f"Feature '{batch.feature.path}': ids of table '{batch.feature.table_name}' "
        f"must lie in [0, {size}), got ids from"
        for batch, size in zip(batches, rows, strict=True)
    ]

    def found() -> list[Any]:
        at = _first_false(fits)
        got = [smallest[at], "to", largest[at], _REMEDY]
        return [tf.gather(messages, at), *got]

    return [asserted(tf.reduce_all(fits), found)]


def _weights_checks(batches: Sequence[Batch]) -> list[Check]:
    claims, messages = [], []
    for feature, ids, weights in batches:
        combiner = feature.config.table.combiner
        claims.append(_are_usable(tf.cast(weights.values, tf.float32), combiner))
        messages.append(
            f"Feature '{feature.path}': weights under the combiner {combiner} must be "
            f"finite{' and not negative' if combiner != 'sum' else ''}. {_REMEDY}"
        )
        claims.append(_stand_alike(ids, weights))
        messages.append(
            f"Feature '{feature.path}': weights must stand at the same positions "
            "as the ids."
        )
    true = tf.stack(claims)
    return [
        asserted(tf.reduce_all(true), lambda: [tf.gather(messages, _first_false(true))])
    ]


def _are_usable(weights: tf.Tensor, combiner: str) -> tf.Tensor:
    if combiner == "sum":
        # False for NaN, as every comparison is.
        return tf.reduce_all(tf.abs(weights) <= tf.float32.max)
    return tf.reduce_all(are_finite_and_not_negative(weights))


def _stand_alike(ids: tf.RaggedTensor, weights: tf.RaggedTensor) -> tf.Tensor:
    are_as_many = tf.equal(tf.size(ids.values), tf.size(weights.values))
    if weights.row_splits is ids.row_splits:
        return are_as_many
    splits = (tf.cast(of.row_splits, tf.int64) for of in (ids, weights))
    return are_as_many & are_same(*splits)


def _first_false(claims: tf.Tensor) -> tf.Tensor:
    return tf.argmin(tf.cast(claims, tf.int32))
