"""The signature `lookup` answers as the engine did, bit by bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.serving.tables import decoded, encoded

Lists = dict[str, list[Any]]
# Of four examples: an empty one, and one longer than the maximum.
IDS: Lists = {
    "item": [0, 49, 16, 17],
    "bought": [[], [3, 49, 3], [17, 33, 34, 16], [0]],
    "seen": [[9, 48, 17, 1], [], [5], [33, 34, 2]],
    "shop": [39, 13, 14, 0],
    "shops": [[1, 39, 13, 26], [27], [], [0, 0]],
    "words": [[30, 4], [], [9], [1, 2, 3]],
    "day": [0, 6, 3, 2],
    "days": [[0, 6], [1, 2, 3], [], [5]],
}
WEIGHTS: Lists = {
    "bought": [[], [1.0, 0.25, 3.0], [0.0, 2.0, 1.5, 1e-3], [2.0]],
    "words": [[1.0, 2.0], [], [0.0], [0.5, 0.25, 4.0]],
}
# What the policies drop and oov_row do away with.
UNUSABLE_IDS: Lists = {
    "shop": [-1, 40, 2**40, 3],
    "shops": [[-1, 5], [40], [2**31 + 5, 1], [7]],
    "words": [[31, 4], [-1], [2**40], [1, 2, 3]],
}
UNUSABLE_WEIGHTS: Lists = {
    "words": [[1.0, float("nan")], [2.0], [1.0], [-1.0, float("inf"), 4.0]],
}


def flat(ids: Lists, weights: Lists) -> dict[str, tf.Tensor]:
    """Returns the inputs of `lookup`."""
    inputs = {}
    for name, of_examples in ids.items():
        if not isinstance(of_examples[0], list):
            inputs[name] = tf.constant(of_examples, tf.int64)
            continue
        ragged = tf.ragged.constant(of_examples, tf.int64, row_splits_dtype=tf.int64)
        inputs[f"{name}_values"] = ragged.values
        inputs[f"{name}_row_splits"] = ragged.row_splits
        if name in weights:
            values = tf.ragged.constant(weights[name], tf.float32).values
            inputs[f"{name}_weights"] = values
    return inputs


def of_engine(trained: Any, ids: Lists, weights: Lists) -> dict[str, tf.Tensor]:
    """Returns the activations of the engine that wrote the checkpoint."""

    def sparse(lists: list[Any], dtype: tf.DType) -> tf.SparseTensor:
        return tf.ragged.constant(lists, dtype, row_splits_dtype=tf.int64).to_sparse()

    features, given = {}, dict.fromkeys(ids)
    for name, of_examples in ids.items():
        if not isinstance(of_examples[0], list):
            features[name] = tf.constant(of_examples, tf.int64)
        elif name in weights:
            features[name] = sparse(of_examples, tf.int64)
            given[name] = sparse(weights[name], tf.float32)
        else:
            features[name] = tf.ragged.constant(of_examples, tf.int64)
    trained.learner.engine.enqueue(features, given, training=False)
    return trained.learner.engine.dequeue()


@pytest.fixture
def lookup(exported: Any) -> Callable[..., dict[str, tf.Tensor]]:
    """The signature of the model with tables of float32."""
    return exported.signatures["lookup"]


def assert_equal(answer: dict[str, tf.Tensor], expected: dict[str, tf.Tensor]) -> None:
    assert answer.keys() == expected.keys()
    for name, activations in expected.items():
        np.testing.assert_array_equal(answer[name], activations, err_msg=name)


@pytest.mark.parametrize(
    ("ids", "weights"),
    [
        ({}, {}),
        (UNUSABLE_IDS, {"words": [[1.0, 2.0], [3.0], [1.0], [0.5, 0.25, 4.0]]}),
        (UNUSABLE_IDS, UNUSABLE_WEIGHTS),
    ],
    ids=["usable", "unusable_ids", "unusable_weights"],
)
def test_every_kind_is_answered_as_the_engine_did(
    trained: Any, lookup: Callable[..., Any], ids: Lists, weights: Lists
) -> None:
    ids, weights = IDS | ids, WEIGHTS | weights

    answer = lookup(**flat(ids, weights))

    expected = of_engine(trained, ids, weights)
    assert_equal(answer, expected)
    assert answer["seen"].shape == [4, 3, 8]
    assert np.count_nonzero(answer["bought"][0]) == 0
    assert len(np.unique(answer["days"], axis=0)) == 4


def test_input_that_the_policy_refuses_is_an_error(
    lookup: Callable[..., Any],
) -> None:
    ids = IDS | {"item": [0, 1, 2, 50]}

    with pytest.raises(tf.errors.InvalidArgumentError, match=r"item.*\[0, 50\)"):
        lookup(**flat(ids, WEIGHTS))


@pytest.mark.parametrize(
    "splits", [[0, 9], [1, 6], [0, 4, 2, 6], [0, -1, 6], []], ids=str
)
def test_row_splits_that_do_not_fit_are_an_error(
    lookup: Callable[..., Any], splits: list[int]
) -> None:
    inputs = flat(IDS, WEIGHTS) | {"days_row_splits": tf.constant(splits, tf.int64)}

    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"Input days_row_splits must begin with 0, never go down, and end with "
        r"the number of days_values,",
    ):
        lookup(**inputs)


def test_each_feature_may_be_asked_for_alone(
    trained: Any, lookup: Callable[..., Any]
) -> None:
    empty = {
        name: values[:1] if name.endswith("row_splits") else values[:0]
        for name, values in flat(IDS, WEIGHTS).items()
    }
    expected = of_engine(trained, IDS, WEIGHTS)

    for name in IDS:
        own = flat({name: IDS[name]}, WEIGHTS)
        answer = lookup(**(empty | own))

        np.testing.assert_array_equal(answer[name], expected[name])
        assert {answer[other].shape[0] for other in answer if other != name} == {0}


def test_smaller_forms_answer_with_what_they_hold(trained: Any, compact: Any) -> None:
    answer = compact.signatures["lookup"](**flat(IDS, WEIGHTS))

    held = {}
    for name, precision in compact.precisions.items():
        rows = trained.rows(name)
        held[name] = decoded(precision, encoded(precision, rows))
        np.testing.assert_array_equal(answer[name], held[name][IDS[name]])
        assert 0 < np.abs(held[name] - rows).max() < 0.02
    mean = held["shop"][[1, 39, 13, 26]].mean(axis=0)
    np.testing.assert_allclose(answer["shops"][0], mean, rtol=1e-5, atol=1e-6)
    expected = of_engine(trained, IDS, WEIGHTS)
    np.testing.assert_array_equal(answer["words"], expected["words"])


def test_values_of_a_quantized_table_are_its_levels(
    lookup: Callable[..., Any],
) -> None:
    answer = lookup(**flat(IDS, WEIGHTS))

    levels = (answer["day"].numpy() + 1.0) / 2.5 * 8
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-5)


def test_inputs_and_outputs_have_the_features_names(lookup: Any) -> None:
    _, inputs = lookup.structured_input_signature
    assert sorted(inputs) == sorted(flat(IDS, WEIGHTS))
    assert sorted(lookup.structured_outputs) == sorted(IDS)
    assert all(spec.name == name for name, spec in inputs.items())
