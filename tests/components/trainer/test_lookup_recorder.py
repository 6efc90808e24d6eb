"""The lookups that are recorded, and that the answers are the engine's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.parity_lookups import ParityLookups
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.lookup_cases import FeatureShape, LookupCase
from shardline.components.trainer.lookup_recorder import LookupRecorder, kind_of
from shardline.configs.schema import Feature, FeatureSet, Quantization, Table

ROWS = {"person": 7, "movie": 11, "tag": 5}
FEATURES = FeatureSet(
    features={
        "user": Feature(table="person"),
        "history": Feature(table="movie", max_sequence_length=2),
        "tags": Feature(table="tag", combiner="sum", weights="scores"),
        "seen": Feature(table="tag", combiner="sum"),
    },
    tables={
        "person": Table(dim=3),
        "movie": Table(dim=3, policy="drop"),
        "tag": Table(dim=3, quantization=Quantization(buckets=5, lower=-1, upper=1)),
    },
)
EXAMPLES = {
    "user": LookupCase("evaluation examples", [[6], [0], [6]]),
    "history": LookupCase("evaluation examples", [[1, 2, 3]]),
    "tags": LookupCase("evaluation examples", [[4, 4]], [[1.0, -1.0]]),
    "seen": LookupCase("evaluation examples", [[]]),
}
# Fewer than there are examples of a feature, and no divisor of them.
BATCH_SIZE = 5


@pytest.fixture(scope="module")
def learner(make_learner: Callable[..., Learner]) -> Learner:
    """A learner on three hosts, with rows of every size."""
    learner = make_learner(FEATURES, ROWS, BATCH_SIZE, hosts=3)
    for table in learner.engine.embedding_tables.values():
        for shard in table.variables:
            shard.assign(60 * shard)
    return learner


@pytest.fixture(scope="module")
def rows(learner: Learner) -> dict[str, np.ndarray]:
    """The rows of each table."""
    return {
        table.name: tf.concat(rows.variables, axis=0).numpy()
        for table, rows in learner.engine.embedding_tables.items()
    }


@pytest.fixture(scope="module")
def lookups(learner: Learner) -> ParityLookups:
    """All lookups that are recorded of the engine."""
    return LookupRecorder(learner, FEATURES, ROWS, BATCH_SIZE).record(EXAMPLES)


def answered(lookups: ParityLookups, feature: str, case: str) -> Any:
    """Returns (ids, weights, activations) of the examples of an answered case."""
    recorded = lookups.requests[0][feature]
    (found,) = [c for c in recorded.cases if c.name == case]
    return [
        (recorded.ids.of(i), recorded.ids.weights_of(i), recorded.activations[i])
        for i in range(found.start, found.stop)
    ]


def refused(lookups: ParityLookups, feature: str) -> set[str]:
    recorded = [r[feature] for r in lookups.requests[1:] if feature in r]
    return {one.cases[0].name for one in recorded if one.activations is None}


def test_every_feature_is_recorded_with_its_table_and_kind(
    lookups: ParityLookups,
) -> None:
    assert {name: tuple(feature) for name, feature in lookups.features.items()} == {
        "user": ("person", "single"),
        "history": ("movie", "sequence"),
        "tags": ("tag", "weighted"),
        "seen": ("tag", "pooled"),
    }
    assert kind_of(FEATURES.features["seen"]) == "pooled"


def test_single_ids_are_answered_with_their_rows(
    lookups: ParityLookups, rows: dict[str, np.ndarray]
) -> None:
    cases = ["first and last rows", "one id", "an id twice", "evaluation examples"]
    for case in cases:
        for (row,), weights, activation in answered(lookups, "user", case):
            assert weights is None
            np.testing.assert_array_equal(activation, rows["person"][row])
    asked = [ids for ids, *_ in answered(lookups, "user", "first and last rows")]
    assert asked == [[0], [2], [3], [4], [5], [6]]


def test_sequences_are_answered_up_to_their_maximum(
    lookups: ParityLookups, rows: dict[str, np.ndarray]
) -> None:
    longer = answered(lookups, "history", "longer than the maximum")

    assert [len(ids) for ids, *_ in longer] == [3, 7]
    for ids, _, activations in longer:
        np.testing.assert_array_equal(activations, rows["movie"][ids[:2]])


def test_policy_decides_what_is_refused(lookups: ParityLookups) -> None:
    wrong = set(FeatureShape("single", 7, 3).wrong_ids)

    assert refused(lookups, "user") == wrong
    assert refused(lookups, "seen") == wrong
    # A negative weight is valid under the combiner sum.
    numbers = {"weight not a number", "infinite weight"}
    assert refused(lookups, "tags") == wrong | numbers
    (negative,) = [
        r["tags"]
        for r in lookups.requests[1:]
        if "tags" in r and r["tags"].cases[0].name == "negative weight"
    ]
    assert negative.activations is not None
    assert refused(lookups, "history") == set()
    for ids, _, activations in answered(lookups, "history", "negative id")[:1]:
        assert ids == [-1]
        np.testing.assert_array_equal(activations, np.zeros((2, 3)))


def test_examples_beyond_a_batch_are_looked_up_too(lookups: ParityLookups) -> None:
    for name, recorded in lookups.requests[0].items():
        assert recorded.ids.examples == len(recorded.activations) > BATCH_SIZE
        assert recorded.cases[-1].name == "evaluation examples"
        assert recorded.cases[-1].stop == recorded.ids.examples
        assert recorded.ids.of(recorded.cases[-1].start) == EXAMPLES[name].ids[0]


def test_rounding_allows_what_precisions_do_to_the_rows_and_weights(
    lookups: ParityLookups, rows: dict[str, np.ndarray]
) -> None:
    user = lookups.requests[0]["user"]
    largest = np.abs(rows["person"]).max(axis=1)[user.ids.values]
    np.testing.assert_allclose(user.allowed["int8"], largest / 254, rtol=1e-3)
    np.testing.assert_allclose(user.allowed["float16"], largest / 2**11, rtol=3e-3)

    history = lookups.requests[0]["history"]
    assert history.allowed["int8"].shape == history.activations.shape[:2]
    assert history.allowed["int8"][0].tolist() == [0.0, 0.0]  # no ids

    # Levels of the quantized table are 0.5 apart; its weights are 1 and -1.
    tags = lookups.requests[0]["tags"]
    assert 1.0 < tags.allowed["int8"][-1] < 1.1
