"""Output shapes: from the configuration, from `build`, from a batch, and in words."""

from types import SimpleNamespace

import pytest
import tensorflow as tf

from shardline.embedding.config import shapes
from shardline.embedding.config.specs import flatten_features


def feature_of(cases, **options):
    """Returns the spec of one feature, at the path "clicks"."""
    return flatten_features({"clicks": cases.feature(cases.table(), **options)})[0]


@pytest.mark.parametrize(
    ("length", "given", "expected"),
    [
        (0, [4], [4]),
        (0, [4, 1], [4]),
        (0, [4, None], [4]),
        (0, [4, 5, None], [4, 5]),
        (3, [4, None], [4, 3]),
        (3, [4, 5, None], [4, 5]),
    ],
)
def test_pooling_takes_the_last_axis_and_sequences_keep_it(
    cases, length, given, expected
):
    feature = feature_of(cases, length=length)
    found = shapes.output_shape(feature, tf.TensorShape(given))
    assert found.as_list() == expected


@pytest.mark.parametrize("shape", [None, []])
def test_what_is_no_batch_is_refused(cases, shape):
    with pytest.raises(ValueError, match=r"for feature 'clicks'\. Rank must be 1"):
        shapes.output_shape(feature_of(cases), tf.TensorShape(shape))


def test_batch_size_gives_the_shape_of_every_feature(cases):
    features = [feature_of(cases), feature_of(cases, length=3)]
    found = shapes.shapes_of_batch_size(features, 4)
    assert [shape.as_list() for shape in found] == [[4], [4, 3]]


@pytest.mark.parametrize(
    ("given", "message"),
    [([], r"one shape for each .*'clicks'.* got 0"), ([[4]], r"build takes .*\[4\]")],
)
def test_build_takes_a_shape_for_each_feature(cases, given, message):
    with pytest.raises(ValueError, match=message):
        shapes.shapes_of_build([feature_of(cases)], given)


def test_batch_size_that_one_input_tells_holds_for_the_others(cases):
    features = [feature_of(cases), feature_of(cases, length=3)]
    dense = tf.zeros([4], tf.int64)
    unknown = SimpleNamespace(shape=tf.TensorShape([None, None]))
    found = shapes.shapes_of_inputs(features, [dense, unknown])
    assert [shape.as_list() for shape in found] == [[4], [4, 3]]


def test_ragged_batch_has_the_shape_it_is_folded_into(cases):
    feature = feature_of(cases, output_shape=(2, 3))
    ids = tf.ragged.constant([[1], [2, 3]], dtype=tf.int64)
    assert shapes.shapes_of_inputs([feature], [ids])[0].as_list() == [2, 3]


def test_contradiction_names_the_feature_and_both_shapes(cases):
    known, incoming = [tf.TensorShape([4])], [tf.TensorShape([5])]
    with pytest.raises(ValueError, match=r"feature clicks.*\(4,\).*\(5,\)"):
        shapes.checked_shapes([feature_of(cases)], known, incoming)


def test_unknown_shapes_are_taken_from_the_batch(cases):
    features, incoming = [feature_of(cases)], [tf.TensorShape([5])]
    assert shapes.checked_shapes(features, [tf.TensorShape(None)], incoming) == incoming


def test_unknown_sizes_are_refused_in_words(cases):
    features, unknown = [feature_of(cases)], [tf.TensorShape([None])]
    with pytest.raises(ValueError, match="Feature clicks has output shape set as"):
        shapes.check_fully_defined(features, unknown)
