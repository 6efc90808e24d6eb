"""What is left of an example when ids are erased."""

import tensorflow as tf

from shardline.components.contracts.erasures.examples import (
    ColumnErasure,
    Erasure,
    Left,
)

ERASURE = Erasure(
    {
        "user_id": ColumnErasure(frozenset([b"7", b"ann"]), ragged=False),
        "history": ColumnErasure(frozenset([b"m1"]), ragged=True, weights=("seconds",)),
    },
    distinctive=frozenset([b"ann"]),
    read=frozenset(["user_id", "history", "seconds", "movie_id"]),
)


def example(**columns: list) -> bytes:
    features = {}
    for name, values in columns.items():
        if isinstance(values[0], bytes):
            held = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        elif isinstance(values[0], int):
            held = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        else:
            held = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        features[name] = held
    made = tf.train.Example(features=tf.train.Features(feature=features))
    return made.SerializeToString(deterministic=True)


def values(serialized: bytes, column: str) -> list:
    feature = tf.train.Example.FromString(serialized).features.feature[column]
    return list(getattr(feature, feature.WhichOneof("kind")).value)


def test_example_of_an_erased_single_value_is_dropped_whole() -> None:
    assert ERASURE.left_of(example(user_id=[b"ann"], movie_id=[b"m2"])) == Left(None)
    assert ERASURE.left_of(example(user_id=[7])) == Left(None)


def test_example_without_what_is_erased_keeps_its_bytes() -> None:
    kept = example(user_id=[b"bob"], history=[b"m2"], seconds=[1.0], movie_id=[b"m1"])

    assert ERASURE.left_of(kept) == Left(kept)
    assert not ERASURE.touches(kept)


def test_value_of_many_goes_with_its_weight() -> None:
    given = example(
        user_id=[b"bob"], history=[b"m1", b"m2", b"m1"], seconds=[1.0, 2.0, 3.0]
    )

    left, removed = ERASURE.left_of(given)

    assert left is not None
    assert removed == 2
    assert values(left, "history") == [b"m2"]
    assert values(left, "seconds") == [2.0]
    assert ERASURE.touches(given)


def test_last_value_of_many_leaves_an_empty_list() -> None:
    left, removed = ERASURE.left_of(example(user_id=[b"bob"], history=[b"m1"]))

    assert left is not None
    assert (values(left, "history"), removed) == ([], 1)


def test_distinctive_value_goes_from_columns_that_nothing_reads() -> None:
    given = example(user_id=[b"bob"], note=[b"ann", b"7"], movie_id=[b"ann"])

    left, removed = ERASURE.left_of(given)

    assert left is not None
    assert values(left, "note") == [b"7"]
    assert values(left, "movie_id") == [b"ann"]
    assert removed == 1
