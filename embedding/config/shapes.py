"""Shapes of activations: fixed for every batch, known before the first one.

The output shape of a feature is that of its activations for one replica without the
last dimension, the table's dim. It comes from, in this order: FeatureConfig's
output_shape, the shapes given to `build`, the first batch. The messages keep the
wording of TensorFlow's class, which users search for.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.config.specs import FeatureSpec

Shapes = list[tf.TensorShape]


def configured_shapes(features: Sequence[FeatureSpec]) -> Shapes:
    """Returns the output shapes that the configuration itself sets."""
    return [feature.config.output_shape for feature in features]


def shapes_of_batch_size(features: Sequence[FeatureSpec], batch_size: int) -> Shapes:
    """Returns [batch], or [batch, max_sequence_length] for sequences."""
    return [
        _shape_of_build(feature, tf.TensorShape([batch_size, None]))
        for feature in features
    ]


def shapes_of_build(features: Sequence[FeatureSpec], shapes: Sequence[Any]) -> Shapes:
    """Returns the output shapes of inputs of the given shapes.

    Raises:
        ValueError: if there are more or fewer than features, one is no shape, or its
            rank is unknown or 0.
    """
    if len(shapes) != len(features):
        raise ValueError(
            "build takes one shape for each of the features "
            f"{[feature.path for feature in features]}; got {len(shapes)}."
        )
    for feature, shape in zip(features, shapes, strict=True):
        if not isinstance(shape, tf.TensorShape):
            raise ValueError(
                f"Feature '{feature.path}': build takes the batch size, an int of at "
                f"least 1, or a tf.TensorShape for each feature; got {shape!r}."
            )
    return [
        _shape_of_build(feature, shape)
        for feature, shape in zip(features, shapes, strict=True)
    ]


def _shape_of_build(feature: FeatureSpec, input_shape: tf.TensorShape) -> Any:
    """Returns the output shape that an input is announced to have.

    It may be ragged, and fold into a configured shape of one axis that is a multiple of
    its rows. Deeper shapes are consistent with it anyway.
    """
    shape, configured = output_shape(feature, input_shape), feature.config.output_shape
    if configured.rank == shape.rank == 1 and configured[0] and shape[0]:
        return shape if configured[0] % shape[0] else configured
    return shape


def folded_shape(feature: FeatureSpec) -> tf.TensorShape | None:
    """Returns the output shape that a flat ragged batch is to be folded into."""
    if feature.config.output_shape.rank is not None:
        return feature.config.output_shape
    built = feature.built_shape
    is_deeper = built is not None and built.rank > 1 and not feature.is_sequence
    return built if is_deeper else None


def shapes_of_inputs(features: Sequence[FeatureSpec], inputs: Sequence[Any]) -> Shapes:
    """Returns the output shapes that a batch of checked inputs has.

    A batch size that one input's static shape does not tell is taken from the others,
    if these agree. A ragged batch has any shape that it is to be folded into.
    """
    folded = [
        folded_shape(feature) if isinstance(ids, tf.RaggedTensor) else None
        for feature, ids in zip(features, inputs, strict=True)
    ]
    shapes = [
        fixed or output_shape(feature, ids.shape)
        for feature, ids, fixed in zip(features, inputs, folded, strict=True)
    ]
    sizes = {
        shape[0] for shape, fixed in zip(shapes, folded, strict=True) if fixed is None
    }
    known = sizes - {None}
    if len(known) != 1:
        return shapes
    (size,) = known
    return [
        fixed or tf.TensorShape([size]).concatenate(shape[1:])
        for shape, fixed in zip(shapes, folded, strict=True)
    ]


def output_shape(feature: FeatureSpec, input_shape: tf.TensorShape) -> tf.TensorShape:
    """Returns the output shape of an input: pooling takes the last dimension away.

    Raises:
        ValueError: if the rank is unknown or 0.
    """
    check_rank(feature.path, input_shape)
    if input_shape.rank == 1:
        return input_shape
    if input_shape.rank == 2 and feature.is_sequence:
        return input_shape[:1].concatenate(feature.config.max_sequence_length)
    return input_shape[:-1]


def check_rank(path: str, input_shape: tf.TensorShape) -> None:
    """Refuses inputs that are no batch.

    Raises:
        ValueError: if the rank is unknown or 0.
    """
    if input_shape.rank is None or input_shape.rank < 1:
        raise ValueError(
            f"Received input tensor of shape {input_shape} for feature '{path}'. Rank "
            "must be 1 and above, and known."
        )


def checked_shapes(
    features: Sequence[FeatureSpec], known: Shapes, incoming: Shapes
) -> Shapes:
    """Returns the known output shapes, those not known yet taken from `incoming`.

    Raises:
        ValueError: if they contradict each other.
    """
    for feature, old, new in zip(features, known, incoming, strict=True):
        # "founded" as TensorFlow spells it: users search for the message.
        if not _are_consistent(old, new):
            raise ValueError(
                f"Inconsistent shape founded for input feature {feature.path}, Output "
                f"shape is set to be {old}, But got incoming output shape {new}. "
                "Batches have one size: pad, or drop, the last partial batch."
            )
    return [
        new if old.rank is None else old
        for old, new in zip(known, incoming, strict=True)
    ]


def check_fully_defined(features: Sequence[FeatureSpec], shapes: Shapes) -> None:
    """Refuses shapes with unknown sizes.

    Raises:
        ValueError: naming the first such feature.
    """
    for feature, shape in zip(features, shapes, strict=True):
        if not shape.is_fully_defined():
            raise ValueError(
                f"Input Feature {feature.path} has output shape set as {shape} which "
                "is not fully defined. Set FeatureConfig(output_shape=...), or pass "
                "build a shape with every size."
            )


def _are_consistent(old: tf.TensorShape, new: tf.TensorShape) -> bool:
    if old.rank is None or new.rank is None:
        return True
    # A ragged batch is flat; its lookup checks that the sizes fit a deeper shape.
    if new.rank <= 2 and old.rank > new.rank:
        return True
    return bool(old.is_compatible_with(new))
