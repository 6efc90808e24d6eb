"""Assertions on a served request: those of all features are made as one.

The time of a small request goes with the number of its ops. So only the smallest and
the largest id of each feature are taken, and those of all features are compared at
once. What is refused here is what `embedding.config.policies` refuses in training.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from shardline.embedding.config.policies import REMEDY, ids_message, weights_message
from shardline.embedding.config.specs import FeatureSpec
from shardline.embedding.inputs.assertions import Check, are_same, asserted
from shardline.embedding.inputs.lookups import positions_message
from shardline.embedding.inputs.row_splits import splits_check, splits_message
from shardline.embedding.inputs.structure import is_dense
from shardline.embedding.inputs.weights import are_finite_and_not_negative


class FeatureRequest(NamedTuple):
    """What a request asks for one feature.

    Attributes:
        feature: the feature.
        ids: checked by `embedding.inputs.structure.check_inputs`.
        weights: None, or checked with the ids.
    """

    feature: FeatureSpec
    ids: Any
    weights: Any


def request_checks(
    requests: Sequence[FeatureRequest], *, splits_known: bool
) -> list[Check]:
    """Asserts that row splits are valid, and that tables can use ids and weights.

    Args:
        requests: of each feature. The ids and weights of a table pass if its policy
            refuses nothing, or if they are not to be validated. Row splits that no
            ragged tensor can have never pass.
        splits_known: whether the caller has checked the row splits.
    """
    ragged = [
        (splits_message(request.feature.path), request.ids)
        for request in requests
        if not (splits_known or is_dense(request.ids))
    ]
    checked = [
        request
        for request in requests
        if request.feature.policy == "error"
        and request.feature.config.validate_weights_and_indices
    ]
    weighted = [request for request in checked if request.weights is not None]
    return [
        *([splits_check(ragged)] if ragged else []),
        *(_ids_checks(checked) if checked else []),
        *(_weights_checks(weighted) if weighted else []),
    ]


def _ids_checks(requests: Sequence[FeatureRequest]) -> list[Check]:
    values = [r.ids if is_dense(r.ids) else r.ids.values for r in requests]
    smallest, largest = (
        tf.stack([tf.cast(of(ids), tf.int64) for ids in values])
        for of in (tf.reduce_min, tf.reduce_max)
    )
    rows = [request.feature.config.table.vocabulary_size for request in requests]
    fits = (smallest >= 0) & (largest < tf.constant(rows, tf.int64))
    messages = [
        ids_message(feature.path, feature.table_name, size)
        for (feature, _, _), size in zip(requests, rows, strict=True)
    ]

    def found() -> list[Any]:
        at = _first_false(fits)
        got = [smallest[at], "to", largest[at], REMEDY]
        return [tf.gather(messages, at), *got]

    return [asserted(tf.reduce_all(fits), found)]


def _weights_checks(requests: Sequence[FeatureRequest]) -> list[Check]:
    claims, messages = [], []
    for feature, ids, weights in requests:
        combiner = feature.config.table.combiner
        claims.append(_are_usable(tf.cast(weights.values, tf.float32), combiner))
        messages.append(f"{weights_message(feature.path, combiner)}. {REMEDY}")
        claims.append(_stand_alike(ids, weights))
        messages.append(positions_message(feature.path))
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
