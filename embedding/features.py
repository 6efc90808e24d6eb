"""Feature inputs of every kind as one form: which id adds to which row, how much.

Dense, sparse and ragged ids, weights, combiners and sequences all become a `Lookup`:
a list of occurrences (id, row of the activations, coefficient). An activation is then
sum(coefficient * table[id]) over its occurrences, and the gradient of an id is
sum(coefficient * gradient[row]): lookup and update read the same list. A row without
occurrences is zero. Training and serving share this module, so they cannot disagree.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from embedding.checks import Check, after
from embedding.inputs import is_dense
from embedding.policies import usable_ids, usable_weights
from embedding.specs import FeatureSpec


class Lookup(NamedTuple):
    """The occurrences of one feature, or of all features of a table.

    Attributes:
        ids: int64 [n], the ids in feature order.
        rows: int64 [n], the row of the flattened activations that each id adds to.
        coefficients: float32 [n], what each id's table row is multiplied by.
    """

    ids: tf.Tensor
    rows: tf.Tensor
    coefficients: tf.Tensor


def lookup_of(feature: FeatureSpec, ids: Any, weights: Any) -> Lookup:
    """Returns the occurrences of one feature's batch.

    Args:
        feature: the feature.
        ids: checked by `embedding.inputs.check_inputs`.
        weights: None, or checked with the ids.

    Raises:
        ValueError: if a ragged batch does not fit the feature's output_shape.
        tf.errors.InvalidArgumentError: while running, on ids or weights that the
            table's policy refuses.
    """
    values = tf.cast(ids if is_dense(ids) else ids.values, tf.int64)
    lookup = Lookup(
        tf.reshape(values, [-1]),
        _rows(feature, ids),
        tf.ones([tf.size(values)])
        if weights is None
        else _given(feature, ids, weights),
    )
    if feature.config.validate_weights_and_indices:
        lookup = _usable(feature, lookup, is_weighted=weights is not None)
    if _positions(feature, ids) is not None:
        kept = _kept(lookup, lookup.rows >= 0)
        return kept._replace(coefficients=tf.ones_like(kept.coefficients))
    if is_dense(ids):
        return lookup
    return _combined(
        lookup, feature.config.table.combiner, tf.reduce_prod(shape_of(feature, ids))
    )


def shape_of(feature: FeatureSpec, ids: Any) -> tf.Tensor:
    """Returns the output shape of one batch: int64 [rank], as `embedding.shapes`."""
    if is_dense(ids):
        shape = tf.shape(ids, tf.int64)
        return shape if ids.shape.rank == 1 else shape[:-1]
    if isinstance(ids, tf.SparseTensor):
        leading = ids.dense_shape[:-1]
    elif (fixed := _fixed_shape(feature, ids)) is not None:
        return tf.constant(fixed.as_list(), tf.int64)
    else:
        leading = tf.reshape(tf.cast(ids.nrows(), tf.int64), [1])
    positions = _positions(feature, ids)
    return leading if positions is None else tf.concat([leading, [positions]], axis=0)


def _positions(feature: FeatureSpec, ids: Any) -> int | None:
    """Returns how many ids of an example keep a row each; None if they are pooled."""
    if isinstance(ids, tf.RaggedTensor):
        fixed = _fixed_shape(feature, ids)
        if fixed is not None:
            return _positions_of_ragged(feature, fixed, ids.shape[0])
    if feature.is_sequence and not is_dense(ids) and ids.shape.rank == 2:
        return int(feature.config.max_sequence_length)
    return None


def _fixed_shape(feature: FeatureSpec, ids: tf.RaggedTensor) -> tf.TensorShape | None:
    """Returns the output shape that a flat ragged batch is to be folded into."""
    if feature.config.output_shape.rank is not None:
        return feature.config.output_shape
    built, examples = feature.built_shape, ids.shape[0]
    if built is None or not examples or built.num_elements() % examples:
        return None
    return built


def _positions_of_ragged(
    feature: FeatureSpec, output_shape: tf.TensorShape, examples: int | None
) -> int | None:
    size = output_shape.num_elements()
    if size is None or not examples or size % examples:
        raise ValueError(
            f"Feature '{feature.path}': Output shape set in the FeatureConfig should "
            f"be the factor of the input data batch size. But instead got output shape "
            f"{output_shape}, input data batch size {examples}."
        )
    return None if size == examples else int(size // examples)


def _rows(feature: FeatureSpec, ids: Any) -> tf.Tensor:
    """Returns the activation row of each id: int64 [n]; -1 past a sequence's end."""
    if is_dense(ids):
        return tf.range(tf.size(ids, tf.int64))
    if isinstance(ids, tf.SparseTensor):
        examples, places = _sparse_places(feature, ids)
    else:
        examples = tf.cast(ids.value_rowids(), tf.int64)
        starts = tf.gather(tf.cast(ids.row_starts(), tf.int64), examples)
        places = tf.range(tf.size(examples, tf.int64)) - starts
    positions = _positions(feature, ids)
    if positions is None:
        return examples
    cut_off = tf.constant(-1, tf.int64)
    return tf.where(places < positions, examples * positions + places, cut_off)


def _sparse_places(
    feature: FeatureSpec, ids: tf.SparseTensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the row of each entry, counted over the leading axes, and its column."""
    indices = ids.indices
    if feature.config.validate_weights_and_indices:
        inside = tf.debugging.Assert(
            tf.reduce_all((indices >= 0) & (indices < ids.dense_shape)),
            [
                f"Feature '{feature.path}': a SparseTensor's indices must lie inside "
                "its dense_shape",
                ids.dense_shape,
                "got",
                indices,
            ],
        )
        with after(inside):
            indices = tf.identity(indices)
    strides = tf.math.cumprod(ids.dense_shape[:-1], exclusive=True, reverse=True)
    return tf.reduce_sum(indices[:, :-1] * strides, axis=1), indices[:, -1]


def _given(feature: FeatureSpec, ids: Any, weights: Any) -> tf.Tensor:
    """Returns the weights as float32 [n], once they are known to stand by their ids."""
    if not feature.config.validate_weights_and_indices:
        return tf.cast(weights.values, tf.float32)
    with after(_same_entries(feature.path, ids, weights)):
        # Of its own: a cast to the same type is none, and not ordered.
        return tf.identity(tf.cast(weights.values, tf.float32))


def _same_entries(path: str, ids: Any, weights: Any) -> Check:
    """Asserts that ids and weights have the same entries, not only equally many."""
    if isinstance(ids, tf.SparseTensor):
        mine, theirs = ids.indices, weights.indices
    else:
        mine = tf.cast(ids.row_splits, tf.int64)
        theirs = tf.cast(weights.row_splits, tf.int64)
    same = tf.cond(
        tf.reduce_all(tf.equal(tf.shape(mine), tf.shape(theirs))),
        lambda: tf.reduce_all(tf.equal(mine, theirs)),
        lambda: False,
    )
    message = f"Feature '{path}': weights must stand at the same positions as the ids."
    return tf.debugging.Assert(same, [message, "ids:", mine, "weights:", theirs])


def _usable(feature: FeatureSpec, lookup: Lookup, *, is_weighted: bool) -> Lookup:
    """Applies the table's policy to ids and weights."""
    table = feature.config.table
    ids, keep = usable_ids(
        feature.policy,
        lookup.ids,
        table.vocabulary_size,
        feature.path,
        feature.table_name,
    )
    lookup = lookup._replace(ids=ids)
    if is_weighted:
        weights, keep_too = usable_weights(
            feature.policy, lookup.coefficients, table.combiner, feature.path
        )
        lookup = lookup._replace(coefficients=weights)
        if keep_too is not None:
            keep = keep_too if keep is None else keep & keep_too
    return lookup if keep is None else _kept(lookup, keep)


def _kept(lookup: Lookup, keep: tf.Tensor) -> Lookup:
    return Lookup(*(tf.boolean_mask(column, keep) for column in lookup))


def _combined(lookup: Lookup, combiner: str, rows: tf.Tensor) -> Lookup:
    """Turns weights into w, w / sum(w) or w / sqrt(sum(w^2)) by row; 0 / 0 is 0."""
    if combiner == "sum":
        return lookup
    weights = lookup.coefficients
    powers = weights if combiner == "mean" else tf.square(weights)
    totals = tf.math.unsorted_segment_sum(powers, lookup.rows, rows)
    if combiner == "sqrtn":
        totals = tf.sqrt(totals)
    return lookup._replace(
        coefficients=tf.math.divide_no_nan(weights, tf.gather(totals, lookup.rows))
    )
