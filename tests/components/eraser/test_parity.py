"""What a model must repeat loses what touches erased ids and rows."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.erasures.examples import ColumnErasure, Erasure
from shardline.components.contracts.parity_examples import write_parity
from shardline.components.contracts.parity_lookups import (
    CaseRange,
    ParityLookups,
    RecordedFeature,
    RecordedLookup,
    example_ids,
    load_lookups,
    write_lookups,
)
from shardline.components.eraser.parity import (
    erase_examples,
    erase_lookups,
    parity_examples,
)


def example(user: bytes) -> bytes:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[user]))
    features = tf.train.Features(feature={"user_id": feature})
    return tf.train.Example(features=features).SerializeToString()


def test_examples_go_with_their_scores(tmp_path: Path) -> None:
    examples = [example(name) for name in (b"ann", b"bob", b"cid")]
    write_parity(tmp_path, examples, np.array([1, 2, 3], np.float32))
    erasure = Erasure({"user_id": ColumnErasure(frozenset([b"bob"]), ragged=False)})

    dropped = erase_examples(tmp_path, erasure), erase_examples(tmp_path, erasure)

    assert dropped == (1, 0)
    assert parity_examples(tmp_path) == [examples[0], examples[2]]
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), [1, 3])


def test_folder_without_parity_loses_nothing(tmp_path: Path) -> None:
    assert erase_examples(tmp_path, Erasure({})) == 0
    assert erase_lookups(tmp_path, {"user": [1]}) == 0
    assert parity_examples(tmp_path) == []


@pytest.fixture
def lookups(tmp_path: Path) -> Path:
    """Two features in a request, and a request that was refused."""
    users = RecordedLookup(
        example_ids([[1], [5], [2], [5]]),
        [CaseRange("edges", 0, 2), CaseRange("some", 2, 3), CaseRange("last", 3, 4)],
        np.arange(8, dtype=np.float32).reshape(4, 2),
        {"int8": np.arange(4, dtype=np.float32)},
    )
    movies = RecordedLookup(
        example_ids([[5, 1], [5]], [[1.0, 2.0], [3.0]]),
        [CaseRange("some", 0, 2)],
        np.ones((2, 2), np.float32),
    )
    refused = RecordedLookup(example_ids([[5, -1]]), [CaseRange("negative", 0, 1)])
    features = {
        "user_id": RecordedFeature("user", "single"),
        "history": RecordedFeature("movie", "weighted"),
    }
    write_lookups(
        tmp_path,
        ParityLookups(
            features, [{"user_id": users, "history": movies}, {"user_id": refused}]
        ),
    )
    return tmp_path


def test_lookups_of_rows_go_with_their_answers(lookups: Path) -> None:
    assert erase_lookups(lookups, {"user": {5}}) == 2
    assert erase_lookups(lookups, {"user": {5}}) == 0

    first, second = load_lookups(lookups).requests
    users = first["user_id"]
    assert users.ids.values.tolist() == [1, 2]
    assert users.ids.row_splits.tolist() == [0, 1, 2]
    assert users.cases == [CaseRange("edges", 0, 1), CaseRange("some", 1, 2)]
    assert users.activations is not None
    assert users.activations.tolist() == [[0, 1], [4, 5]]
    assert users.allowed["int8"].tolist() == [0, 2]
    assert first["history"].ids.examples == 2
    assert second["user_id"].ids.values.tolist() == [5, -1]


def test_feature_without_a_lookup_left_is_not_asked(lookups: Path) -> None:
    assert erase_lookups(lookups, {"movie": {5}}) == 2

    first, _ = load_lookups(lookups).requests
    assert set(first) == {"user_id"}


def test_weights_stay_with_their_ids(lookups: Path) -> None:
    erase_lookups(lookups, {"movie": {1}})

    first, _ = load_lookups(lookups).requests
    ids = first["history"].ids
    assert ids.values.tolist() == [5]
    assert ids.weights is not None
    assert ids.weights.tolist() == [3.0]
