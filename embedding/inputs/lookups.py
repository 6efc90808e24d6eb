"""Lookups: what inputs of every kind ask of a table, in the same words.

Dense, sparse and ragged ids, weights, combiners and sequences all become a `Lookup`: a
list of occurrences (id, row of the activations, coefficient). An activation is then
sum(coefficient * table[id]) over its occurrences, and the gradient of an id is
sum(coefficient * gradient[row]): the forward pass and the update read the same list. A
row without occurrences is zero. Training and serving share this module, so they cannot
disagree.

A lookup is first of one feature, then of all features of a table; `host.layout` has the
lookups of all tables on one host, which is what travels there.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from shardline.embedding.config.policies import usable_ids, usable_weights
from shardline.embedding.config.shapes import folded_shape
from shardline.embedding.config.specs import FeatureSpec
from shardline.embedding.inputs.assertions import Check, after, are_same
from shardline.embedding.inputs.row_splits import with_checked_splits
from shardline.embedding.inputs.structure import is_dense
from shardline.embedding.inputs.weights import scaled_weights
from shardline.embedding.tables import partition


class Lookup(NamedTuple):
    """What a batch asks of a table for one of its features, or for all of them.

    Attributes:
        ids: int64 [n], the ids in feature order.
        segment_ids: int64 [n], the row of the flattened activations that each id adds
            to.
        coefficients: float32 [n], what the table's row of each id is multiplied by.
    """

    ids: tf.Tensor
    segment_ids: tf.Tensor
    coefficients: tf.Tensor

    def split(self, starts: list[int]) -> list["Lookup"]:
        """Returns what the batch asks of each host, in the same order.

        Args:
            starts: the first row of each host's range of the table.
        """
        host_of_id = partition.hosts_of_rows(self.ids, starts)
        columns = (
            tf.dynamic_partition(column, host_of_id, len(starts)) for column in self
        )
        return [Lookup(*part) for part in zip(*columns, strict=True)]


def lookup_of(feature: FeatureSpec, ids: Any, weights: Any) -> Lookup:
    """Returns what a batch asks for one feature.

    Args:
        feature: the feature.
        ids: checked by `embedding.inputs.structure.check_inputs`.
        weights: None, or checked with the ids.

    Raises:
        ValueError: if a ragged batch does not fit the feature's output_shape.
        tf.errors.InvalidArgumentError: while running, on row splits that no ragged
            tensor can have, and on ids or weights that the table's policy refuses.
    """
    if isinstance(ids, tf.RaggedTensor):
        ids = with_checked_splits(feature.path, ids)
    values = tf.cast(ids if is_dense(ids) else ids.values, tf.int64)
    kept = _kept_per_example(feature, ids)
    lookup = Lookup(
        tf.reshape(values, [-1]),
        _segment_ids(feature, ids, kept),
        tf.ones([tf.size(values)])
        if weights is None
        else _checked_weights(feature, ids, weights),
    )
    if feature.config.validate_weights_and_indices:
        lookup = _usable(feature, lookup, is_weighted=weights is not None)
    if is_dense(ids):
        return lookup
    is_pooled = isinstance(kept, int) and kept == 0
    if not is_pooled:
        lookup = _selected(lookup, lookup.segment_ids >= 0)
    unweighted = tf.ones_like(lookup.coefficients)
    if isinstance(kept, int) and not is_pooled:
        return lookup._replace(coefficients=unweighted)
    combiner, rows = (
        feature.config.table.combiner,
        tf.reduce_prod(shape_of(feature, ids)),
    )
    pooled = combined(lookup, combiner, rows, is_weighted=weights is not None)
    if is_pooled:
        return pooled
    coefficients = tf.where(tf.equal(kept, 1), pooled.coefficients, unweighted)
    return pooled._replace(coefficients=coefficients)


def positions_message(path: str) -> str:
    """Returns what is said of weights that do not stand where the ids do.

    Args:
        path: the path of the feature.
    """
    return f"Feature '{path}': weights must stand at the same positions as the ids."


def shape_of(feature: FeatureSpec, ids: Any) -> tf.Tensor:
    """Returns the output shape of one batch: int64 [rank], as `config.shapes`."""
    if is_dense(ids):
        shape = tf.shape(ids, tf.int64)
        return shape if ids.shape.rank == 1 else shape[:-1]
    if isinstance(ids, tf.SparseTensor):
        leading = ids.dense_shape[:-1]
    elif (fixed := folded_shape(feature)) is not None:
        return tf.constant(fixed.as_list(), tf.int64)
    else:
        leading = tf.reshape(tf.cast(ids.nrows(), tf.int64), [1])
    kept = _kept_per_example(feature, ids)
    if isinstance(kept, int) and kept == 0:
        return leading
    return tf.concat([leading, [kept]], axis=0)


def known_kept(feature: FeatureSpec, ids: Any) -> int | None:
    """Returns how many ids of an example keep a row each; 0 if they are pooled.

    None where only a running step knows how many examples there are. If it then finds
    a single row for each example, they are pooled.

    Raises:
        ValueError: if a ragged batch does not fit the feature's output_shape.
    """
    if isinstance(ids, tf.RaggedTensor):
        fixed = folded_shape(feature)
        if fixed is not None:
            return _kept_of_fixed(feature, ids, fixed)
    if feature.is_sequence and not is_dense(ids) and ids.shape.rank == 2:
        return int(feature.config.max_sequence_length)
    return 0


def _kept_per_example(feature: FeatureSpec, ids: Any) -> int | tf.Tensor:
    """Returns `known_kept`, or a tensor where it is None."""
    kept = known_kept(feature, ids)
    if kept is not None:
        return kept
    fixed = folded_shape(feature)
    assert fixed is not None
    size = fixed.num_elements()
    rows = tf.cast(ids.nrows(), tf.int64)
    divides = (rows > 0) & tf.equal(size % tf.maximum(rows, 1), 0)
    with after(tf.debugging.Assert(divides, [_misfit(feature), rows])):
        return size // tf.maximum(rows, 1)


def _kept_of_fixed(
    feature: FeatureSpec, ids: tf.RaggedTensor, output_shape: tf.TensorShape
) -> int | None:
    size, examples = output_shape.num_elements(), ids.shape[0]
    if size is None or examples == 0 or (examples and size % examples):
        raise ValueError(f"{_misfit(feature)} {examples}.")
    if examples:
        return 0 if size == examples else int(size // examples)
    return None


def _misfit(feature: FeatureSpec) -> str:
    return (
        "Output shape set in the FeatureConfig should be the factor of the input data "
        f"batch size; feature '{feature.path}' has the output shape "
        f"{folded_shape(feature)}. Make the one divide the other. Examples:"
    )


def _segment_ids(feature: FeatureSpec, ids: Any, kept: int | tf.Tensor) -> tf.Tensor:
    """Returns the activation row of each id: int64 [n]; -1 past a sequence's end."""
    if is_dense(ids):
        return tf.range(tf.size(ids, tf.int64))
    if isinstance(ids, tf.SparseTensor):
        examples, columns = _sparse_positions(feature, ids)
    else:
        examples = tf.cast(ids.value_rowids(), tf.int64)
        starts = tf.gather(tf.cast(ids.row_starts(), tf.int64), examples)
        columns = tf.range(tf.size(examples, tf.int64)) - starts
    if isinstance(kept, int) and kept == 0:
        return examples
    cut_off = tf.constant(-1, tf.int64)
    rows = tf.where(columns < kept, examples * kept + columns, cut_off)
    return rows if isinstance(kept, int) else tf.where(kept == 1, examples, rows)


def _sparse_positions(
    feature: FeatureSpec, ids: tf.SparseTensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the row of each entry, counted over the leading axes, and its column."""
    inside = tf.debugging.Assert(
        tf.reduce_all((ids.indices >= 0) & (ids.indices < ids.dense_shape))
        & tf.reduce_all(ids.dense_shape >= 0),
        [
            f"Feature '{feature.path}': a SparseTensor's indices must lie inside its "
            "dense_shape",
            ids.dense_shape,
            "got",
            ids.indices,
        ],
    )
    with after(inside):
        indices = tf.identity(ids.indices)
    strides = tf.math.cumprod(ids.dense_shape[:-1], exclusive=True, reverse=True)
    return tf.reduce_sum(indices[:, :-1] * strides, axis=1), indices[:, -1]


def _checked_weights(feature: FeatureSpec, ids: Any, weights: Any) -> tf.Tensor:
    """Returns the weights as float32 [n], once it is known that each has its id."""
    if not feature.config.validate_weights_and_indices:
        return tf.cast(weights.values, tf.float32)
    with after(_same_entries(feature.path, ids, weights)):
        # A cast to the same type makes no op, so that nothing would be ordered.
        return tf.identity(tf.cast(weights.values, tf.float32))


def _same_entries(path: str, ids: Any, weights: Any) -> Check:
    """Asserts that ids and weights have the same entries, not only equally many."""
    if isinstance(ids, tf.SparseTensor):
        of_ids, of_weights = ids.indices, weights.indices
    else:
        of_ids = tf.cast(ids.row_splits, tf.int64)
        of_weights = tf.cast(weights.row_splits, tf.int64)
    are_as_many = tf.equal(tf.size(ids.values), tf.size(weights.values))
    same = are_as_many & are_same(of_ids, of_weights)
    message = positions_message(path)
    return tf.debugging.Assert(same, [message, "ids:", of_ids, "weights:", of_weights])


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
    return lookup if keep is None else _selected(lookup, keep)


def _selected(lookup: Lookup, keep: tf.Tensor) -> Lookup:
    return Lookup(*(tf.boolean_mask(column, keep) for column in lookup))


def combined(
    lookup: Lookup, combiner: str, rows: tf.Tensor, *, is_weighted: bool
) -> Lookup:
    """Turns weights into w, w / sum(w) or w / sqrt(sum(w^2)) by row; 0 / 0 is 0.

    Args:
        lookup: its coefficients are the weights.
        combiner: the combiner of the table.
        rows: int64 scalar, how many activation rows there are.
        is_weighted: False if every weight is 1.
    """
    if combiner == "sum":
        return lookup
    weights, segments = lookup.coefficients, lookup.segment_ids
    if is_weighted:
        weights = scaled_weights(weights, segments, rows)
    powers = weights if combiner == "mean" else tf.square(weights)
    totals = tf.math.unsorted_segment_sum(powers, segments, rows)
    if combiner == "sqrtn":
        totals = tf.sqrt(totals)
    return lookup._replace(
        coefficients=tf.math.divide_no_nan(weights, tf.gather(totals, segments))
    )
